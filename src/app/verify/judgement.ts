/**
 * Whether a group stands in Redis as the topic says.
 *
 * The workers go on meanwhile, so the topic says it twice: `low` is the fold of what they had
 * merged for certain when the group was read, `high` of all that they may have merged. The
 * merge only ever goes up, so each trait and each user must stand between the two; where
 * nothing happened meanwhile the two are the same, and so must Redis be.
 */

import { compareStored, textOf } from '../../domain/json/stored-value.ts'
import type { Membership } from '../../domain/merge/memberships.ts'
import type { GroupState } from '../../domain/merge/merge.ts'
import type { TraitState } from '../../domain/merge/trait-states.ts'
import { formatClock } from '../../domain/time/timestamp.ts'
import type { StoredMembership } from '../../redis/reading/memberships.ts'
import type { StoredGroup } from '../../redis/reading/state-reader.ts'

/** One thing in which a group differs. */
export interface Finding {
  readonly kind: FindingKind
  /** Name of the trait, id of the user; empty for the others. */
  readonly name: string
  /** In words; `null`: nothing. */
  readonly expected: string | null
  readonly found: string | null
  /**
   * Whether Redis has more than the topic tells, which is no difference where the topic has
   * lost records.
   */
  readonly isBeyond: boolean
}

export type FindingKind = 'group' | 'conflict' | 'clock' | 'erasure' | 'trait' | 'member' | 'index'

export function judge(low: GroupState, live: StoredGroup, high: GroupState): Finding[] {
  if (live.conflict !== null) return [difference('conflict', '', 'a group', live.conflict)]
  if (!live.exists && isKnown(low)) return [difference('group', '', 'a group', null)]
  if (live.exists && !isKnown(high)) return [UNKNOWN_GROUP]
  const floors: Floors = { low: low.erasedAt, live: live.state.erasedAt, high: high.erasedAt }
  return [
    ...judgeClock('clock', low.latest, live.state.latest, high.latest),
    ...judgeClock('erasure', floors.low, floors.live, floors.high),
    ...judgeEntries(TRAITS, low.traits, live.state.traits, high.traits, live.oddTraits, floors),
    ...judgeEntries(MEMBERS, low.users, live.state.users, high.users, live.oddUsers, floors),
    ...judgeIndex(low, live, high, floors),
  ]
}

/** The topic knows nothing of it. */
export const UNKNOWN_GROUP = beyond('group', '', null, 'a group')

function isKnown({ latest }: GroupState): boolean {
  return latest >= 0
}

function judgeClock(kind: FindingKind, low: number, found: number, high: number): Finding[] {
  if (found < low) return [difference(kind, '', clockText(low), clockText(found))]
  return found > high ? [beyond(kind, '', clockText(high), clockText(found))] : []
}

/** As of when the group was erased. */
interface Floors {
  readonly low: number
  readonly live: number
  readonly high: number
}

/** What traits and users have in common. */
interface Sort<Entry> {
  readonly kind: FindingKind
  /** The order in which the merge takes the greater. */
  compare(a: Entry, b: Entry): number
  describe(entry: Entry): string
}

const TRAITS: Sort<TraitState> = {
  kind: 'trait',
  compare: (a, b) => a.clock - b.clock || compareStored(a.value, b.value),
  describe: ({ clock, value }) => {
    const text = typeof value === 'string' ? JSON.stringify(value) : value && textOf(value)
    return `${text ?? 'removed'} as of ${formatClock(clock)}`
  },
}

const MEMBERS: Sort<Membership> = {
  kind: 'member',
  compare: (a, b) => a.clock - b.clock || Number(a.member) - Number(b.member),
  describe: ({ clock, member }) => `${member ? 'member' : 'left'} as of ${formatClock(clock)}`,
}

type Entries<Entry> = Pick<ReadonlyMap<string, Entry>, 'get'> & { keys(): Iterable<string> }

function* judgeEntries<Entry extends { readonly clock: number }>(
  sort: Sort<Entry>,
  low: Entries<Entry>,
  live: Entries<Entry>,
  high: Entries<Entry>,
  odd: ReadonlyMap<string, string>,
  floors: Floors,
): Generator<Finding> {
  for (const name of new Set([...low.keys(), ...live.keys(), ...high.keys(), ...odd.keys()])) {
    const bounds = [low.get(name), high.get(name)] as const
    const oddity = odd.get(name)
    if (oddity === undefined) yield* judgeEntry(sort, name, live.get(name), bounds, floors)
    else yield difference(sort.kind, name, described(sort, bounds[0] ?? bounds[1]), oddity)
  }
}

function* judgeEntry<Entry extends { readonly clock: number }>(
  sort: Sort<Entry>,
  name: string,
  found: Entry | undefined,
  [low, high]: readonly [Entry | undefined, Entry | undefined],
  floors: Floors,
): Generator<Finding> {
  const isDue = low !== undefined && low.clock > Math.max(floors.high, floors.live)
  if (found === undefined) {
    if (isDue) yield difference(sort.kind, name, sort.describe(low), null)
    return
  }
  const text = sort.describe(found)
  if (isDue && sort.compare(found, low) < 0) {
    yield difference(sort.kind, name, sort.describe(low), text)
  } else if (high === undefined && found.clock <= floors.high) {
    // else it is about to go
    if (floors.low === floors.high) yield difference(sort.kind, name, null, text)
  } else if (high === undefined || sort.compare(found, high) > 0) {
    yield beyond(sort.kind, name, described(sort, high), text)
  }
}

/** The index follows the group: what it has as the group has it is told of there. */
function* judgeIndex(
  low: GroupState,
  live: StoredGroup,
  high: GroupState,
  floors: Floors,
): Generator<Finding> {
  for (const [userId, membership] of live.index ?? []) {
    const inGroup = live.state.users.get(userId)
    if (isSame(membership, inGroup)) continue
    const expected = described(MEMBERS, inGroup)
    if (typeof membership === 'string') {
      yield difference('index', userId, expected, membership)
      continue
    }
    const bounds = [low.users.get(userId) ?? inGroup, high.users.get(userId)] as const
    for (const { found } of judgeEntry(MEMBERS, userId, membership ?? undefined, bounds, floors)) {
      yield difference('index', userId, expected, found)
    }
  }
}

function isSame(membership: StoredMembership, inGroup: Membership | undefined): boolean {
  if (membership === null || typeof membership === 'string') return membership === (inGroup ?? null)
  return inGroup?.clock === membership.clock && inGroup.member === membership.member
}

function described<Entry>(sort: Sort<Entry>, entry: Entry | undefined): string | null {
  return entry === undefined ? null : sort.describe(entry)
}

function clockText(clock: number): string | null {
  return clock < 0 ? null : formatClock(clock)
}

function difference(
  kind: FindingKind,
  name: string,
  expected: string | null,
  found: string | null,
): Finding {
  return { kind, name, expected, found, isBeyond: false }
}

function beyond(
  kind: FindingKind,
  name: string,
  expected: string | null,
  found: string | null,
): Finding {
  return { kind, name, expected, found, isBeyond: true }
}
