import type { Command } from 'commander'
import { createLogger } from '../../telemetry/logger.ts'
import type { Cli } from '../cli.ts'
import { addHelp } from '../help.ts'
import { addSettings } from '../settings.ts'

export function addWorkerCommand(program: Command, cli: Cli): void {
  const command = program
    .command('worker')
    .summary('read events from Kafka and keep the state in Redis')
    .description(
      'Reads group events from Kafka and merges them into the state in Redis, until SIGTERM or ' +
        'Ctrl-C. Uses the configured brokers and Redis; it starts no servers. If Kafka or Redis ' +
        'is away, it retries, and continues by itself.',
    )
  const load = addSettings(command, cli, ['kafka', 'redis', 'events', 'worker', 'http', 'log'])
  addHelp(command, {
    examples: [
      ['worker', 'with KAFKA_BROKERS and REDIS_URL set'],
      ['worker --config production.yaml', 'with settings from a file'],
      ['worker --http-port 0', 'with the operations server on any free port'],
    ],
    notes: [
      'Several workers with the same kafka.groupId share the partitions. /healthz, /readyz and',
      '/metrics are at http.host and http.port.',
    ],
    exitCodes: {
      0: 'stopped by a signal; the batches in flight were finished',
      1: 'failed; the log says why',
    },
  })

  command.action(
    cli.run(async () => {
      const { config } = load()
      const { runWorker } = await import('../../app/worker.ts')
      return runWorker(config, createLogger(config.log))
    }),
  )
}
