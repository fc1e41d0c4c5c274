/** A group as text and as JSON. */
import type { GroupView, UserClock } from '../../redis/reading/group-reader.ts'
import { clockJson, clockText } from './clock-text.ts'
import { printable } from './printable.ts'
import type { OutStream } from './stream.ts'
import { listing, paint, table } from './table.ts'

/** How many members, and how many users who left, `groupText` shows. */
export const SHOWN_USERS = 20

export function groupText(group: GroupView, stream: OutStream): string {
  const traits = [
    ...group.traits.map(({ name, stored, clock }) => [name, stored, clockText(clock)]),
    ...group.removed.map(({ name, clock }) => [name, '(removed)', clockText(clock)]),
  ]
  const users = (title: string, when: string, count: number, clocks: readonly UserClock[]) => {
    const rows = clocks.slice(0, SHOWN_USERS).map((user) => [user.userId, clockText(user.clock)])
    return listing(stream, { title, count, headings: ['user', when], rows })
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

export function groupJson(group: GroupView): object {
  const user = ({ userId, clock }: UserClock) => ({ userId, asOf: clockJson(clock) })
  return {
    groupId: group.groupId,
    traits: Object.fromEntries(
      group.traits.map((trait) => [
        trait.name,
        { value: trait.value, asOf: clockJson(trait.clock) },
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
