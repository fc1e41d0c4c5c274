import type { Command } from 'commander'
import type { LoadedConfig } from '../../app/config/loader.ts'
import { type GroupView, readGroup } from '../../redis/reading/group-reader.ts'
import { type Cli, CommandFailed, DONE, type ExitCode } from '../cli.ts'
import { addHelp } from '../help.ts'
import { assertId } from '../id.ts'
import { clockText } from '../output/clock-text.ts'
import { groupJson, groupText, SHOWN_USERS } from '../output/group-report.ts'
import { printable, printableJson } from '../output/printable.ts'
import { addTimeout } from '../retry-while-away.ts'
import { askRedis, hintFor, nameOfRedis } from '../servers.ts'
import { addSettings } from '../settings.ts'

export function addShowCommand(program: Command, cli: Cli): void {
  const command = program
    .command('show')
    .summary('show a group: its traits and its members')
    .description(
      'Shows the state of a group: each trait with its value and the time of the event that set ' +
        'it, the members and when they were last seen, and the users who left.',
    )
    .argument('<group>', 'id of the group, exactly as in its events')
  const load = addSettings(command, cli, ['redis'])
  command.option('--json', 'print JSON: exact values, times to the microsecond')
  addTimeout(command)
  addHelp(command, {
    examples: [
      ['show account123', 'the group of the sample'],
      ['show account123 --json | jq .traits.plan.value', 'one value'],
    ],
    notes: [
      `The tables show the ${SHOWN_USERS} members seen last, and --json the last 1000. Both show how many there`,
      'are. Control characters are printed as escapes.',
    ],
    exitCodes: { 0: 'shown', 1: 'there is no such group, or Redis is away' },
  })

  command.action(
    cli.run((groupId: string, options: Options) => showGroup(cli, load(), groupId, options)),
  )
}

interface Options {
  readonly json?: true
  /** Seconds. */
  readonly timeout: number
}

async function showGroup(
  cli: Cli,
  loaded: LoadedConfig,
  groupId: string,
  { json, timeout }: Options,
): Promise<ExitCode> {
  const { config } = loaded
  assertId(groupId, 'the id of a group')
  const group = await askRedis(
    cli,
    config,
    timeout,
    (redis) => readGroup(redis, groupId),
    hintFor(loaded),
  )
  if (group === null) {
    throw new CommandFailed(
      `there is no group ${printable(groupId)} at ${nameOfRedis(config)}\n` +
        'Check the id (case matters), that an event was sent for it, and that a worker runs.',
    )
  }
  if (isErased(group)) {
    const since = clockText(group.erasedAt)
    const name = printable(groupId)
    throw new CommandFailed(`group ${name} was erased as of ${since}: it has no data`)
  }
  const text = json ? printableJson(groupJson(group)) : groupText(group, cli.stdout)
  cli.stdout.write(`${text}\n`)
  return DONE
}

function isErased({ erasedAt, traits, removed, memberCount, leftCount }: GroupView): boolean {
  return erasedAt >= 0 && traits.length + removed.length + memberCount + leftCount === 0
}
