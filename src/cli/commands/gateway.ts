import type { Command } from 'commander'
import { createLogger } from '../../telemetry/logger.ts'
import type { Cli } from '../cli.ts'
import { addHelp } from '../help.ts'
import { addSettings } from '../settings.ts'

export function addGatewayCommand(program: Command, cli: Cli): void {
  const command = program
    .command('gateway')
    .summary('accept events over HTTP and send them to Kafka')
    .description(
      'Accepts events at POST /group and answers once Kafka has acknowledged them: 200 with the ' +
        'event as parsed, 400 with all problems of an invalid event, 503 while Kafka is away. ' +
        'Events are checked by the rules of the worker.',
    )
  const load = addSettings(command, cli, ['kafka', 'events', 'worker', 'gateway', 'log'])
  addHelp(command, {
    examples: [
      ['gateway', 'with KAFKA_BROKERS set'],
      ['gateway --gateway-host 0.0.0.0', 'reachable from other machines'],
    ],
    notes: [
      'To send an event:',
      "  curl -H 'content-type: application/json' -d @event.json http://127.0.0.1:8081/group",
    ],
    exitCodes: {
      0: 'stopped by a signal; all requests were answered',
      1: 'failed; the log says why',
    },
  })

  command.action(
    cli.run(async () => {
      const { config } = load()
      const { runGateway } = await import('../../app/gateway.ts')
      return runGateway(config, createLogger(config.log))
    }),
  )
}
