import type { Command } from 'commander'
import { withExactNumbers } from '../../domain/json/exact-numbers.ts'
import {
  type GroupView,
  readGroup,
  type TraitView,
  type UserClock,
} from '../../redis/reading/group-reader.ts'
import { type Cli, CommandFailed, DONE, type OutStream } from '../cli.ts'
import { addHelp } from '../help.ts'
import { assertId } from '../id.ts'
import { clockJson, clockText } from '../output/clock-text.ts'
import { printable, printableJson } from '../output/printable.ts'
import { listing, paint, table } from '../output/table.ts'
import { addTimeout } from '../patience.ts'
import { askRedis, hintFor, nameOfRedis } from '../servers.ts'
import { addSettings } from '../settings.ts'

export function addShowCommand(program: Command, cli: Cli): void {
  const command = program
    .command('show')
    .summary('show a group: its traits, since when, and its members')
    .description(
      'Shows what is known of a group: each trait with its value and the time of the event ' +
        'that it is as of, the members and when they were last seen, and who left.',
    )
    .argument('<group>', 'id of the group, exactly as in its events')
  const load = addSettings(command, cli, ['redis'])
  command.option('--json', 'for programs: exact values, times to the microsecond')
  addTimeout(command)
  addHelp(command, {
    examples: [
      ['show account123', 'the group of the sample'],
      ['show account123 --json | jq .traits.plan.value', 'one value'],
    ],
    notes: [
      `Tables show the ${SHOWN_USERS} members seen last, --json the last 1000; both tell the number of all.`,
      'Control characters are shown as escapes.',
    ],
    exitCodes: { 0: 'shown', 1: 'there is no such group, or Redis is away' },
  })

  command.action(
    cli.run(async (groupId: string, { json, timeout }: { json?: true; timeout: number }) => {
      const loaded = load()
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
            'Ids count to the letter. Was an event of it sent, and does a worker run?',
        )
      }
      if (isErased(group)) {
        const since = clockText(group.erasedAt)
        const name = printable(groupId)
        throw new CommandFailed(`group ${name} was erased as of ${since}: nothing is left of it`)
      }
      const text = json ? printableJson(forPrograms(group)) : forPeople(group, cli.stdout)
      cli.stdout.write(`${text}\n`)
      return DONE
    }),
  )
}

const SHOWN_USERS = 20

function isErased({ erasedAt, traits, removed, memberCount, leftCount }: GroupView): boolean {
  return erasedAt >= 0 && traits.length + removed.length + memberCount + leftCount === 0
}

export function forPeople(group: GroupView, stream: OutStream): string {
  const traits = [
    ...group.traits.map(({ name, stored, clock }) => [name, stored, clockText(clock)]),
    ...group.removed.map(({ name, clock }) => [name, '(removed)', clockText(clock)]),
  ]
  const users = (title: string, when: string, count: number, clocks: readonly UserClock[]) => {
    const rows = clocks.slice(0, SHOWN_USERS).map((user) => [user.userId, clockText(user.clock)])
    return listing(stream, { title, count, heads: ['user', when], rows })
  }
  const { groupId, members, memberCount, left, leftCount, erasedAt } = group
  return [
    paint(stream, 'bold', `group ${printable(groupId)}`),
    traits.length === 0 ? 'no traits' : table(stream, ['trait', 'value', 'as of'], traits),
    users('members', 'last seen', memberCount, members),
    ...(leftCount > 0 ? [users('left', 'left at', leftCount, left)] : []),
    ...(erasedAt >= 0 ? [`erased as of ${clockText(erasedAt)}`] : []),
  ].join('\n\n')
}

function forPrograms(group: GroupView): object {
  const user = ({ userId, clock }: UserClock) => ({ userId, asOf: clockJson(clock) })
  return {
    groupId: group.groupId,
    traits: Object.fromEntries(
      group.traits.map((trait) => [
        trait.name,
        { value: exactValue(trait), asOf: clockJson(trait.clock) },
      ]),
    ),
    removed: Object.fromEntries(group.removed.map(({ name, clock }) => [name, clockJson(clock)])),
    members: group.members.map(user),
    memberCount: group.memberCount,
    left: group.left.map(user),
    leftCount: group.leftCount,
    latest: clockJson(group.latest),
    erasedAt: clockJson(group.erasedAt),
  }
}

/** The value with all digits of its numbers. What is a string is no JSON, or not ours. */
function exactValue({ value, stored }: TraitView): unknown {
  return typeof value === 'string'
    ? value
    : withExactNumbers({ value }, `{"value":${stored}}`).value
}
