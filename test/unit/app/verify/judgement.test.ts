import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judge } from '../../../../src/app/verify/judgement.ts'
import { JsonText } from '../../../../src/domain/json/stored-value.ts'
import { Memberships } from '../../../../src/domain/merge/memberships.ts'
import { emptyState, type GroupState, mergeEvent } from '../../../../src/domain/merge/merge.ts'
import { TraitStates } from '../../../../src/domain/merge/trait-states.ts'
import type { StoredGroup } from '../../../../src/redis/reading/stored-group.ts'
import { patchOf } from '../../../setup/domain/patches.ts'
import { type Event, events } from '../../../setup/oracle/arrangements.ts'

const ofOneGroup = events.map((all) => all.map((event) => ({ ...event, groupId: 'g' })))

const choices = fc.array(fc.boolean(), { minLength: 25, maxLength: 25 })

test('nothing is found whichever of the latest events Redis has, even if the group was read in pages', () =>
  fc.assert(
    fc.property(
      ofOneGroup.chain((all) => fc.tuple(fc.constant(all), fc.nat(all.length))),
      fc.tuple(choices, choices, choices),
      ([all, certain], chosen) => {
        const [low, high] = [foldOf(all.slice(0, certain)), foldOf(all)]
        const [header, traits, users] = chosen.map((isMerged) =>
          foldOf(all.filter((_, at) => at < certain || isMerged[at])),
        )
        const live = { ...header!, traits: traits!.traits, users: users!.users }
        expect(judge(low, storedGroup(live), high)).toEqual([])
      },
    ),
    { numRuns: 1000 },
  ))

test('without new events, something is found exactly if Redis differs from the topic', () =>
  fc.assert(
    fc.property(ofOneGroup, ofOneGroup, (some, others) => {
      const [expected, actual] = [foldOf(some), foldOf(others)]
      const findings = judge(expected, storedGroup(actual), expected)
      expect(findings.length === 0).toBe(isSame(expected, actual))
    }),
  ))

test('if the topic lost records, what Redis has beyond the rest is marked as such', () =>
  fc.assert(
    fc.property(ofOneGroup, fc.nat(), (all, cut) => {
      const rest = foldOf(all.slice(cut % (all.length + 1)))
      const findings = judge(rest, storedGroup(foldOf(all)), rest)
      expect(findings.filter(({ isBeyond }) => !isBeyond)).toEqual([])
    }),
  ))

describe('each difference is described, with what was expected and what was found', () => {
  const expectedState = patchOf('g', {
    clock: 1_704_067_200_000_000,
    traits: { plan: 'pro', size: new JsonText('250'), old: null },
    users: { ann: true, bob: false },
  })

  const cases: [string, (state: GroupState) => void, object][] = [
    [
      'a changed value',
      ({ traits }) => traits.set('plan', { clock: expectedState.latest, value: 'free' }),
      {
        kind: 'trait',
        name: 'plan',
        expected: '"pro" as of 2024-01-01T00:00:00.000000Z',
        found: '"free" as of 2024-01-01T00:00:00.000000Z',
      },
    ],
    [
      'a string in place of the same text as JSON',
      ({ traits }) => traits.set('size', { clock: expectedState.latest, value: '250' }),
      { kind: 'trait', name: 'size', expected: expect.stringMatching(/^250 as of/) },
    ],
    [
      'a missing trait',
      ({ traits }) => traits.delete('plan'),
      { kind: 'trait', name: 'plan', found: null },
    ],
    [
      'a forgotten removal',
      ({ traits }) => traits.delete('old'),
      { kind: 'trait', name: 'old', expected: 'removed as of 2024-01-01T00:00:00.000000Z' },
    ],
    [
      'an extra trait',
      ({ traits }) => traits.set('name', { clock: 1, value: 'x' }),
      { kind: 'trait', name: 'name', expected: null, isBeyond: true },
    ],
    [
      'a later clock',
      ({ traits }) => traits.set('plan', { clock: expectedState.latest + 1, value: 'pro' }),
      { kind: 'trait', name: 'plan', isBeyond: true },
    ],
    [
      'a missing member',
      ({ users }) => users.delete('ann'),
      { kind: 'member', name: 'ann', found: null },
    ],
    [
      'an extra member',
      ({ users }) => users.set('eve', { clock: 1, member: true }),
      { kind: 'member', name: 'eve', expected: null },
    ],
    [
      'one who left as a member',
      ({ users }) => users.set('bob', { clock: expectedState.latest, member: true }),
      { kind: 'member', name: 'bob', isBeyond: true },
    ],
    [
      'an older latest clock',
      (state) => {
        state.latest--
      },
      { kind: 'clock', name: '', found: '2023-12-31T23:59:59.999999Z' },
    ],
    [
      'an erasure without an event',
      (state) => {
        state.erasedAt = 5
      },
      { kind: 'erasure', name: '', expected: null, isBeyond: true },
    ],
  ]

  test.each(cases)('%s', (_, change, finding) => {
    const actual = copyOf(expectedState)
    change(actual)
    expect(judge(expectedState, storedGroup(actual), expectedState)).toEqual([
      expect.objectContaining(finding),
    ])
  })

  test('a group that is missing, and one that should not exist', () => {
    const nothing = emptyState('g')
    expect(judge(expectedState, storedGroup(nothing), expectedState)).toMatchObject([
      { kind: 'group', found: null },
    ])
    expect(judge(nothing, storedGroup(expectedState), nothing)).toMatchObject([
      { kind: 'group', expected: null, isBeyond: true },
    ])
  })

  test('a group that cannot be written, and a trait as no worker writes it', () => {
    const conflict = { ...storedGroup(expectedState), conflict: 'the key is a string' }
    expect(judge(expectedState, conflict, expectedState)).toMatchObject([
      { kind: 'conflict', found: 'the key is a string' },
    ])
    const odd = { ...storedGroup(expectedState), oddTraits: new Map([['x', 'without a clock']]) }
    expect(judge(expectedState, odd, expectedState)).toMatchObject([
      { kind: 'trait', name: 'x', expected: null, found: 'without a clock', isBeyond: false },
    ])
  })

  test('an entry of the user index that does not agree with the group', () => {
    const index = (userId: string, entry: { clock: number; member: boolean } | string | null) =>
      judge(
        expectedState,
        { ...storedGroup(expectedState), index: new Map([[userId, entry]]) },
        expectedState,
      )
    const { latest: clock } = expectedState
    expect(index('ann', { clock, member: true })).toEqual([])
    const expected = 'member as of 2024-01-01T00:00:00.000000Z'
    expect(index('ann', null)).toMatchObject([
      { kind: 'index', name: 'ann', expected, found: null },
    ])
    expect(index('ann', { clock, member: false })).toMatchObject([{ kind: 'index', expected }])
    expect(index('ann', { clock: clock + 1, member: true })).toMatchObject([{ kind: 'index' }])
    expect(index('ann', 'both')).toMatchObject([{ kind: 'index', found: 'both' }])
    expect(index('eve', { clock, member: true })).toMatchObject([{ kind: 'index', expected: null }])
  })
})

function foldOf(all: Iterable<Event>): GroupState {
  const state = emptyState('g')
  for (const event of all) mergeEvent(state, event)
  return state
}

function storedGroup(state: GroupState): StoredGroup {
  return {
    exists: state.latest >= 0,
    state,
    oddTraits: new Map(),
    oddUsers: new Map(),
    index: null,
    conflict: null,
  }
}

function copyOf(state: GroupState): GroupState {
  return { ...state, traits: new TraitStates(state.traits), users: new Memberships(state.users) }
}

function isSame(a: GroupState, b: GroupState): boolean {
  const text = ({ latest, erasedAt, traits, users }: GroupState) =>
    JSON.stringify([latest, erasedAt, [...traits].sort(), [...users].sort()])
  return text(a) === text(b)
}
