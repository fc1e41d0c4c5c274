import type { Command } from 'commander'
import { type GroupClock, readUser, type UserView } from '../../redis/reading/group-reader.ts'
import { type Cli, CommandFailed, DONE, type OutStream } from '../cli.ts'
import { addHelp } from '../help.ts'
import { assertId } from '../id.ts'
import { clockJson, clockText } from '../output/clock-text.ts'
import { printable, printableJson } from '../output/printable.ts'
import { listing, paint } from '../output/table.ts'
import { addTimeout } from '../patience.ts'
import { askRedis, hintFor, nameOfRedis } from '../servers.ts'
import { addSettings } from '../settings.ts'

export function addUserCommand(program: Command, cli: Cli): void {
  const command = program
    .command('user')
    .summary('show the groups of a user')
    .description(
      'Shows the groups that a user belongs to and when the user was last seen in each, and ' +
        'the groups that the user left.',
    )
    .argument('<user>', 'id of the user, exactly as in the events')
  const load = addSettings(command, cli, ['redis'])
  command.option('--json', 'for programs: times to the microsecond')
  addTimeout(command)
  addHelp(command, {
    examples: [['user user123', 'the user of the sample']],
    notes: ['The 1000 groups seen last are shown, and the number of all is told.'],
    exitCodes: { 0: 'shown', 1: 'no group knows the user, or Redis is away' },
  })

  command.action(
    cli.run(async (userId: string, { json, timeout }: { json?: true; timeout: number }) => {
      const loaded = load()
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
          ? 'Ids count to the letter. Was an event of it sent, and does a worker run?'
          : 'redis.userIndex is false: then nothing is kept by user.'
        const name = printable(userId)
        throw new CommandFailed(`no group knows user ${name} at ${nameOfRedis(config)}\n${hint}`)
      }
      const text = json ? printableJson(forPrograms(user)) : forPeople(user, cli.stdout)
      cli.stdout.write(`${text}\n`)
      return DONE
    }),
  )
}

function forPeople(user: UserView, stream: OutStream): string {
  const groups = (title: string, when: string, count: number, clocks: readonly GroupClock[]) => {
    const rows = clocks.map(({ groupId, clock }) => [groupId, clockText(clock)])
    return listing(stream, { title, count, heads: ['group', when], rows })
  }
  return [
    paint(stream, 'bold', `user ${printable(user.userId)}`),
    groups('groups', 'last seen', user.groupCount, user.groups),
    ...(user.leftCount > 0 ? [groups('left', 'left at', user.leftCount, user.left)] : []),
  ].join('\n\n')
}

function forPrograms(user: UserView): object {
  const group = ({ groupId, clock }: GroupClock) => ({ groupId, asOf: clockJson(clock) })
  return {
    userId: user.userId,
    groups: user.groups.map(group),
    groupCount: user.groupCount,
    left: user.left.map(group),
    leftCount: user.leftCount,
  }
}
