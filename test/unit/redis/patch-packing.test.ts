import { unpack } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { emptyState, type GroupState } from '../../../src/domain/merge.ts'
import { JsonText, type StoredValue } from '../../../src/domain/stored-value.ts'
import {
  type CallLimits,
  type MergeCall,
  packCalls,
  stampOf,
} from '../../../src/redis/patch-packing.ts'

const prefixes = { groupPrefix: 'group:', userPrefix: 'user:' }
const WIDE: CallLimits = {
  maxPatches: 100,
  maxPatchEntries: 1000,
  maxEntries: 2000,
  maxBytes: 256 * 1024,
}
const STAMP = '1606170535111000'
const CLOCK = Number(STAMP)

describe('a patch', () => {
  test('is packed as merge.lua reads it: values, which are JSON, what is removed, users', () => {
    const patch = patchOf('a{b', {
      plan: 'pro',
      old: null,
      address: new JsonText('{"city":"Oslo"}'),
    })
    patch.users.set('u1', { clock: 7, member: true })
    patch.users.set('u%', { clock: 8, member: false })
    const [call] = [...packCalls([patch], prefixes, WIDE)]
    expect(call?.keys).toEqual(['group:{a%7Bb}'])
    expect(call?.pieces).toEqual([{ groupId: 'a{b', userIds: ['u1', 'u%'] }])
    expect(listOf(call)).toEqual([
      ...['a{b', 7, STAMP, STAMP, 4, 1, 1, 0, 8],
      ...['plan', 'pro', 'address', '{"city":"Oslo"}', 2, 'old'],
      ...['u1', '0000000000000007', true, 'user:{u1}'],
      ...['u%', '0000000000000008', false, 'user:{u%25}'],
    ])
  })

  test('whose traits differ in their clocks has them one by one', () => {
    const patch = patchOf('a', { plan: 'pro', old: null, name: 'Acme' })
    patch.traits.set('old', { clock: 5, value: null })
    patch.traits.set('name', { clock: 6, value: 'Acme' })
    const [call] = [...packCalls([patch], prefixes, WIDE)]
    expect(listOf(call)).toEqual([
      ...['a', 5, STAMP, false, 4, 0, 1, 3, 0],
      ...['plan', 'pro', 'name', 'Acme', 'old'],
      ...[STAMP, '0000000000000006', '0000000000000005'],
    ])
  })

  test('that says nothing at all is left out', () => {
    expect([...packCalls([emptyState('a')], prefixes, WIDE)]).toEqual([])
  })

  test('with a clock alone is packed: the latest clock counts', () => {
    const patch = { ...emptyState('a'), latest: 5 }
    const [call] = [...packCalls([patch], prefixes, WIDE)]
    expect(listOf(call)).toEqual(['a', 5, '0000000000000005', false, 0, 0, 0, 0, 0])
  })

  test('that is large goes in pieces, each with the latest clock', () => {
    const traits = Array.from({ length: 25 }, (_, i) => [`t${i}`, 'x'] as const)
    const calls = packed([patchOf('a', Object.fromEntries(traits))], { maxPatchEntries: 10 })
    const pieces = calls.flatMap(({ patches }) => patches)
    expect(pieces.map(({ names }) => names.length)).toEqual([10, 10, 5])
    expect(pieces.flatMap(({ names }) => names)).toEqual(traits.map(([name]) => name))
    expect(pieces.every(({ latest }) => latest === STAMP)).toBe(true)
  })

  test('is cut by size, too, but never in the middle of a trait', () => {
    const huge = 'x'.repeat(1000)
    const calls = packed([patchOf('a', { one: huge, two: huge, three: huge })], { maxBytes: 500 })
    expect(calls.flatMap(({ patches }) => patches.map(({ names }) => names))).toEqual([
      ['one'],
      ['two'],
      ['three'],
    ])
  })
})

describe('calls', () => {
  const ids = Array.from({ length: 7 }, (_, i) => `g${i}`)

  test('carry as many groups as they may', () => {
    const calls = packed(
      ids.map((id) => patchOf(id, { plan: 'pro' })),
      { maxPatches: 3 },
    )
    expect(calls.map(({ patches }) => patches.map(({ groupId }) => groupId))).toEqual([
      ['g0', 'g1', 'g2'],
      ['g3', 'g4', 'g5'],
      ['g6'],
    ])
  })

  test('are closed once they hold entries or bytes enough', () => {
    const patches = ids.map((id) => patchOf(id, { plan: 'pro', name: 'Acme' }))
    expect(packed(patches, { maxEntries: 5 }).map(({ patches }) => patches.length)).toEqual([
      3, 3, 1,
    ])
    expect(packed(patches, { maxBytes: 1 })).toHaveLength(14)
  })
})

test('a stamp has 16 digits, whatever the clock', () => {
  expect([0, 1606170535111000, 0, Number.MAX_SAFE_INTEGER, 12].map(stampOf)).toEqual([
    '0000000000000000',
    '1606170535111000',
    '0000000000000000',
    '9007199254740991',
    '0000000000000012',
  ])
})

function patchOf(groupId: string, traits: Record<string, StoredValue | null>): GroupState {
  const entries = Object.entries(traits).map(([name, value]) => [name, { clock: CLOCK, value }])
  return { ...emptyState(groupId), latest: CLOCK, traits: new Map(entries as never) }
}

function listOf(call: MergeCall | undefined): unknown[] {
  return unpack(call?.packed ?? Buffer.alloc(0)) as unknown[]
}

function packed(patches: readonly GroupState[], limits: Partial<CallLimits>) {
  return Array.from(packCalls(patches, prefixes, { ...WIDE, ...limits }), (call) => {
    let list = listOf(call)
    return {
      patches: call.keys.map(() => {
        const [groupId, , latest] = list
        const counts = list.slice(4, 9).map(Number)
        const names = list.slice(9, 9 + (counts[0] ?? 0)).filter((_, i) => i % 2 === 0)
        list = list.slice(9 + counts.reduce((sum, count) => sum + count, 0))
        return { groupId, latest, names }
      }),
    }
  })
}
