import type { Command } from 'commander'
import { createLogger } from '../../telemetry/logger.ts'
import type { Cli } from '../cli.ts'
import { addHelp } from '../help.ts'
import { addSettings } from '../settings.ts'

export function addWorkerCommand(program: Command, cli: Cli): void {
  const command = program
    .command('worker')
    .summary('read events from Kafka, keep the state in Redis')
    .description(
      'Reads group events from Kafka and merges them into the state in Redis, until it is ' +
        'stopped by SIGTERM or Ctrl-C. Uses exactly the brokers and the Redis that are ' +
        'configured. Where one is away it waits, and goes on by itself.',
    )
  const load = addSettings(command, cli, ['kafka', 'redis', 'events', 'worker', 'http', 'log'])
  addHelp(command, {
    examples: [
      ['worker', 'with KAFKA_BROKERS and REDIS_URL set'],
      ['worker --config production.yaml', 'with settings from a file'],
      ['worker --http-port 0', 'with the operations server on any free port'],
    ],
    notes: [
      'Run several with the same kafka.groupId: they share the partitions. /healthz, /readyz and',
      '/metrics are served on http.host and http.port.',
    ],
    exitCodes: { 0: 'stopped by a signal, all done', 1: 'it could not go on; the log says why' },
  })

  command.action(
    cli.run(async () => {
      const { config } = load()
      const { runWorker } = await import('../../app/worker.ts')
      return runWorker(config, createLogger(config.log))
    }),
  )
}
