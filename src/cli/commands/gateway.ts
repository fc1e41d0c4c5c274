import type { Command } from 'commander'
import { createLogger } from '../../telemetry/logger.ts'
import type { Cli } from '../cli.ts'
import { addHelp } from '../help.ts'
import { addSettings } from '../settings.ts'

export function addGatewayCommand(program: Command, cli: Cli): void {
  const command = program
    .command('gateway')
    .summary('take events over HTTP, pass them to Kafka')
    .description(
      'Takes events by POST /group and answers once Kafka has acknowledged them: 200 with what ' +
        'was taken, 400 with all that is wrong with the event, 503 while Kafka is away. Events ' +
        'are checked by the very code that the worker decodes with.',
    )
  const load = addSettings(command, cli, ['kafka', 'events', 'worker', 'gateway', 'log'])
  addHelp(command, {
    examples: [
      ['gateway', 'with KAFKA_BROKERS set'],
      ['gateway --gateway-host 0.0.0.0', 'reachable from other machines'],
    ],
    notes: ["curl -H 'content-type: application/json' -d @event.json http://127.0.0.1:8081/group"],
    exitCodes: { 0: 'stopped by a signal, all done', 1: 'it could not go on; the log says why' },
  })

  command.action(
    cli.run(async () => {
      const { config } = load()
      const { runGateway } = await import('../../app/gateway.ts')
      return runGateway(config, createLogger(config.log))
    }),
  )
}
