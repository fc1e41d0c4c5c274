/**
 * Judges whether a group in Redis agrees with the topic.
 *
 * The workers go on meanwhile, so there are two folds to compare with: `low` holds what the workers
 * had merged for certain when the group was read, `high` all that they may have merged by then. A
 * merge only ever replaces a trait or a membership by a greater one, so each of them must be at
 * least as in `low` and at most as in `high`. If nothing was produced meanwhile, the two are the
 * same, and Redis must be the same too.
 */
import { compareStored, textOf } from '../../domain/json/stored-value.ts'
import type { Membership } from '../../domain/merge/memberships.ts'
import type { GroupState } from '../../domain/merge/merge.ts'
import type { TraitState } from '../../domain/merge/trait-states.ts'
import { formatClock } from '../../domain/time/timestamp.ts'
import type { StoredMembership } from '../../redis/reading/layout.ts'
import type { StoredGroup } from '../../redis/reading/stored-group.ts'

/** One difference between a group and the topic. */
export interface Finding {
  readonly kind: FindingKind
  /** Name of the trait or id of the user; empty for the other kinds. */
  readonly name: string
  /** As text for people; `null`: nothing. */
  readonly expected: string | null
  readonly found: string | null
  /** Whether Redis has more than the topic says: no difference if the topic lost records. */
  readonly isBeyond: boolean
}

export type FindingKind = 'group' | 'conflict' | 'clock' | 'erasure' | 'trait' | 'member' | 'index'

export function judge(low: GroupState, live: StoredGroup, high: GroupState): Finding[] {
  if (live.conflict !== null) return [difference('conflict', '', 'a group', live.conflict)]
  if (!live.exists && isKnown(low)) return [difference('group', '', 'a group', null)]
  if (live.exists && !isKnown(high)) return [UNKNOWN_GROUP]
  const erasedAt: ErasedAt = {
    low: low.erasedAt,
    live: live.state.erasedAt,
    high: high.erasedAt,
  }
  return [
    ...judgeClock('clock', low.latest, live.state.latest, high.latest),
    ...judgeClock('erasure', erasedAt.low, erasedAt.live, erasedAt.high),
    ...judgeEntries(TRAITS, low.traits, live.state.traits, high.traits, live.oddTraits, erasedAt),
    ...judgeEntries(MEMBERS, low.users, live.state.users, high.users, live.oddUsers, erasedAt),
    ...judgeIndex(low, live, high, erasedAt),
  ]
}

/** Redis has a group without any event in the topic. */
export const UNKNOWN_GROUP = beyond('group', '', null, 'a group')

function isKnown({ latest }: GroupState): boolean {
  return latest >= 0
}

function judgeClock(kind: FindingKind, low: number, found: number, high: number): Finding[] {
  if (found < low) return [difference(kind, '', clockText(low), clockText(found))]
  return found > high ? [beyond(kind, '', clockText(high), clockText(found))] : []
}

/** The time as of which the group was erased, in microseconds; -1: never. */
interface ErasedAt {
  readonly low: number
  readonly live: number
  readonly high: number
}

/** What differs between traits and memberships, which are judged alike. */
interface EntryRules<Entry> {
  readonly kind: FindingKind
  /** The order of the merge: the greater one wins. */
  compare(a: Entry, b: Entry): number
  describe(entry: Entry): string
}

const TRAITS: EntryRules<TraitState> = {
  kind: 'trait',
  compare: (a, b) => a.clock - b.clock || compareStored(a.value, b.value),
  describe: ({ clock, value }) => {
    const text = typeof value === 'string' ? JSON.stringify(value) : value && textOf(value)
    return `${text ?? 'removed'} as of ${formatClock(clock)}`
  },
}

const MEMBERS: EntryRules<Membership> = {
  kind: 'member',
  compare: (a, b) => a.clock - b.clock || Number(a.member) - Number(b.member),
  describe: ({ clock, member }) => `${member ? 'member' : 'left'} as of ${formatClock(clock)}`,
}

type Entries<Entry> = Pick<ReadonlyMap<string, Entry>, 'get'> & { keys(): Iterable<string> }

function* judgeEntries<Entry extends { readonly clock: number }>(
  rules: EntryRules<Entry>,
  low: Entries<Entry>,
  live: Entries<Entry>,
  high: Entries<Entry>,
  odd: ReadonlyMap<string, string>,
  erasedAt: ErasedAt,
): Generator<Finding> {
  for (const name of new Set([...low.keys(), ...live.keys(), ...high.keys(), ...odd.keys()])) {
    const bounds = [low.get(name), high.get(name)] as const
    const oddity = odd.get(name)
    if (oddity === undefined) yield* judgeEntry(rules, name, live.get(name), bounds, erasedAt)
    else yield difference(rules.kind, name, described(rules, bounds[0] ?? bounds[1]), oddity)
  }
}

function* judgeEntry<Entry extends { readonly clock: number }>(
  rules: EntryRules<Entry>,
  name: string,
  found: Entry | undefined,
  [low, high]: readonly [Entry | undefined, Entry | undefined],
  erasedAt: ErasedAt,
): Generator<Finding> {
  // whether it must exist: merged for certain, and later than any erasure that may have been merged
  const isDue = low !== undefined && low.clock > Math.max(erasedAt.high, erasedAt.live)
  if (found === undefined) {
    if (isDue) yield difference(rules.kind, name, rules.describe(low), null)
    return
  }
  const text = rules.describe(found)
  if (isDue && rules.compare(found, low) < 0) {
    yield difference(rules.kind, name, rules.describe(low), text)
  } else if (high === undefined && found.clock <= erasedAt.high) {
    // erased; if the erasure is not merged for certain, the entry may rightly still exist
    if (erasedAt.low === erasedAt.high) yield difference(rules.kind, name, null, text)
  } else if (high === undefined || rules.compare(found, high) > 0) {
    yield beyond(rules.kind, name, described(rules, high), text)
  }
}

/**
 * Judges the user index of the group. Where it agrees with the group, a difference from the topic
 * is reported for the group only.
 */
function* judgeIndex(
  low: GroupState,
  live: StoredGroup,
  high: GroupState,
  erasedAt: ErasedAt,
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
    for (const { found } of judgeEntry(
      MEMBERS,
      userId,
      membership ?? undefined,
      bounds,
      erasedAt,
    )) {
      yield difference('index', userId, expected, found)
    }
  }
}

function isSame(membership: StoredMembership, inGroup: Membership | undefined): boolean {
  if (membership === null || typeof membership === 'string') return membership === (inGroup ?? null)
  return inGroup?.clock === membership.clock && inGroup.member === membership.member
}

function described<Entry>(rules: EntryRules<Entry>, entry: Entry | undefined): string | null {
  return entry === undefined ? null : rules.describe(entry)
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
