import type { Command } from 'commander'
import type { Config } from '../../app/config/config.ts'
import { createDecoder } from '../../domain/event/decode.ts'
import { ERASE_HEADER } from '../../domain/event/erasure.ts'
import { type Cli, CommandFailed, DONE, type ExitCode, FAILED, WRONG_USAGE } from '../cli.ts'
import { confirm } from '../confirm.ts'
import { addHelp } from '../help.ts'
import { clockText } from '../output/clock-text.ts'
import { printable } from '../output/printable.ts'
import { addTimeout } from '../retry-while-away.ts'
import { withPublisher } from '../servers.ts'
import { addSettings } from '../settings.ts'

export function addEraseCommand(program: Command, cli: Cli): void {
  const command = program
    .command('erase')
    .summary('erase a group for good')
    .description(
      'Sends a record to Kafka that erases a group as of a time. Every trait, removal and ' +
        'membership from that time or earlier is deleted, and stays deleted when old events are ' +
        'replayed. Later ones are kept.',
    )
    .argument('<group>', 'id of the group, exactly as in its events')
  const load = addSettings(command, cli, ['kafka', 'events'])
  command
    .option('--at <time>', 'erase as of this time: ISO 8601 or epoch (default: now)')
    .option('--yes', 'do not ask for confirmation (it is asked for on a terminal only)')
  addTimeout(command)
  addHelp(command, {
    examples: [
      ['erase account123', 'erase as of now'],
      ['erase account123 --at 2024-01-01T00:00:00Z', 'erase what is from that time or earlier'],
    ],
    exitCodes: {
      0: 'Kafka has acknowledged the record; a worker erases the group when it reads it',
      1: 'not confirmed, or Kafka is away',
    },
  })

  command.action(
    cli.run((groupId: string, options: Options) => erase(cli, load().config, groupId, options)),
  )
}

async function erase(
  cli: Cli,
  config: Config,
  groupId: string,
  options: Options,
): Promise<ExitCode> {
  const at = options.at ?? new Date(cli.now()).toISOString()
  const record = { key: groupId, value: null, headers: { [ERASE_HEADER]: at } }
  const asOf = clockText(clockOf(record, config, cli.now()))
  const what = `group ${printable(groupId)} as of ${asOf}`
  if (!options.yes && !(await confirm(cli, `Erase ${what}, for good?`))) {
    cli.stderr.write('nothing was erased\n')
    return FAILED
  }
  await withPublisher(cli, config, options.timeout, (publisher) => publisher.publish([record]))
  cli.stdout.write(
    `The erasure of ${what} was sent to topic ${config.kafka.topic}. A worker will do it.\n` +
      `To check: group-traits show ${printable(groupId)}\n`,
  )
  return DONE
}

interface Options {
  readonly at?: string
  readonly yes?: true
  /** Seconds. */
  readonly timeout: number
}

interface ErasureRecord {
  readonly key: string
  readonly value: null
  readonly headers: Readonly<Record<string, string>>
}

/** Returns the clock that the worker will read from the record. */
function clockOf({ key, value, headers }: ErasureRecord, config: Config, nowMs: number): number {
  const record = {
    ...{ offset: '0', timestamp: String(nowMs) },
    ...{ key: Buffer.from(key), value, headers },
  }
  const decoded = createDecoder(config.events).decodeRecord(record, nowMs)
  if (decoded.kind === 'erasure') return decoded.clock
  const problems = decoded.kind === 'rejected' ? decoded.problems : []
  const lines = problems.map(({ path, message }) => `${path}: ${message}`)
  throw new CommandFailed(`the worker would reject the record: ${lines.join('; ')}`, WRONG_USAGE)
}
