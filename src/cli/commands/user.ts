import type { Command } from 'commander'
import type { LoadedConfig } from '../../app/config/loader.ts'
import { type GroupClock, readUser, type UserView } from '../../redis/reading/group-reader.ts'
import { type Cli, CommandFailed, DONE, type ExitCode } from '../cli.ts'
import { addHelp } from '../help.ts'
import { assertId } from '../id.ts'
import { clockJson, clockText } from '../output/clock-text.ts'
import { printable, printableJson } from '../output/printable.ts'
import type { OutStream } from '../output/stream.ts'
import { listing, paint } from '../output/table.ts'
import { addTimeout } from '../retry-while-away.ts'
import { askRedis, hintFor, nameOfRedis } from '../servers.ts'
import { addSettings } from '../settings.ts'

export function addUserCommand(program: Command, cli: Cli): void {
  const command = program
    .command('user')
    .summary('show the groups of a user')
    .description(
      'Shows the groups of a user and when the user was last seen in each, and the groups that ' +
        'the user left.',
    )
    .argument('<user>', 'id of the user, exactly as in its events')
  const load = addSettings(command, cli, ['redis'])
  command.option('--json', 'print JSON: times to the microsecond')
  addTimeout(command)
  addHelp(command, {
    examples: [['user user123', 'the user of the sample']],
    notes: ['Shows the 1000 groups in which the user was seen last, and how many there are.'],
    exitCodes: { 0: 'shown', 1: 'there is no such user, or Redis is away' },
  })

  command.action(
    cli.run((userId: string, options: Options) => showUser(cli, load(), userId, options)),
  )
}

interface Options {
  readonly json?: true
  /** Seconds. */
  readonly timeout: number
}

async function showUser(
  cli: Cli,
  loaded: LoadedConfig,
  userId: string,
  { json, timeout }: Options,
): Promise<ExitCode> {
  const { config } = loaded
  assertId(userId, 'the id of a user')
  const user = await askRedis(
    cli,
    config,
    timeout,
    (redis) => readUser(redis, userId),
    hintFor(loaded),
  )
  if (user === null) {
    const hint = config.redis.userIndex
      ? 'Check the id (case matters), that an event was sent for it, and that a worker runs.'
      : 'redis.userIndex is false: the groups of a user are not stored.'
    const name = printable(userId)
    throw new CommandFailed(`there is no user ${name} at ${nameOfRedis(config)}\n${hint}`)
  }
  const text = json ? printableJson(userJson(user)) : userText(user, cli.stdout)
  cli.stdout.write(`${text}\n`)
  return DONE
}

function userText(user: UserView, stream: OutStream): string {
  const groups = (title: string, when: string, count: number, clocks: readonly GroupClock[]) => {
    const rows = clocks.map(({ groupId, clock }) => [groupId, clockText(clock)])
    return listing(stream, { title, count, headings: ['group', when], rows })
  }
  return [
    paint(stream, 'bold', `user ${printable(user.userId)}`),
    groups('groups', 'last seen', user.groupCount, user.groups),
    ...(user.leftCount > 0 ? [groups('left', 'left at', user.leftCount, user.left)] : []),
  ].join('\n\n')
}

function userJson(user: UserView): object {
  const group = ({ groupId, clock }: GroupClock) => ({ groupId, asOf: clockJson(clock) })
  return {
    userId: user.userId,
    groups: user.groups.map(group),
    groupCount: user.groupCount,
    left: user.left.map(group),
    leftCount: user.leftCount,
  }
}
