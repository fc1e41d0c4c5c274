import { describe, expect, test } from 'vitest'
import { JsonText, type StoredValue } from '../../../../src/domain/json/stored-value.ts'
import { Memberships } from '../../../../src/domain/merge/memberships.ts'
import { emptyState, foldInto, type GroupState } from '../../../../src/domain/merge/merge.ts'
import type { CallLimits } from '../../../../src/redis/writing/patch-chunks.ts'
import {
  clockDigits,
  type MergeCall,
  packCalls,
} from '../../../../src/redis/writing/patch-packing.ts'
import { eventOf } from '../../../setup/domain/patches.ts'

const prefixes = { groupPrefix: 'group:', userPrefix: 'user:' }
const WIDE: CallLimits = {
  maxPatches: 100,
  maxPatchEntries: 1000,
  maxEntries: 2000,
  maxBytes: 256 * 1024,
}
const DIGITS = '1606170535111000'
const CLOCK = Number(DIGITS)

describe('a patch', () => {
  test('is packed as merge.lua reads it: its shape, then values, then users', () => {
    const traits = { plan: 'pro', old: null, address: new JsonText('{"city":"Oslo"}') }
    const patch = patchOf('a{b', traits)
    patch.users.set('u1', { clock: 7, member: true })
    patch.users.set('u%', { clock: CLOCK, member: false })
    const [call] = [...packCalls([patch], prefixes, WIDE)]
    expect(call?.keys).toEqual(['group:{a%7Bb}'])
    expect(call?.chunks).toEqual([patch])
    expect(unpacked(call)).toEqual([
      [[2, 'plan', '', 'address', 'j', 'old', 'x']],
      [
        ...['a{b', DIGITS, 1, true, true, 'pro', '{"city":"Oslo"}', 2, 7],
        ...['u1', '0000000000000007', true, false],
        ...['u%', true, false, 'user:{u%25}'],
      ],
    ])
  })

  test('whose traits differ in their clocks has a clock for each of them', () => {
    const patch = patchOf('a', { plan: 'pro', old: null, name: 'Acme' })
    patch.traits.set('old', { clock: 5, value: null })
    patch.traits.set('name', { clock: 6, value: 'Acme' })
    const [call] = [...packCalls([patch], prefixes, WIDE)]
    expect(unpacked(call)).toEqual([
      [[2, 'plan', '', 'name', '', 'old', 'x']],
      ['a', DIGITS, 1, 5, false, 'pro', 'Acme', DIGITS, '0000000000000006', '0000000000000005', 0],
    ])
  })

  test('whose traits share a clock that is not the latest has that clock once', () => {
    const patch = { ...patchOf('a', { plan: 'pro' }), latest: CLOCK + 1 }
    const [call] = [...packCalls([patch], prefixes, WIDE)]
    const latest = String(CLOCK + 1)
    expect(unpacked(call)).toEqual([[[1, 'plan', '']], ['a', latest, 1, CLOCK, DIGITS, 'pro', 0]])
  })

  test('that has nothing, not even a clock, is left out', () => {
    expect([...packCalls([emptyState('a')], prefixes, WIDE)]).toEqual([])
  })

  test('with only a clock is packed: it changes the latest clock of the group', () => {
    const patch = { ...emptyState('a'), latest: 5 }
    const [call] = [...packCalls([patch], prefixes, WIDE)]
    expect(unpacked(call)).toEqual([[], ['a', '0000000000000005', 0, 0]])
  })

  test('that is large is sent in chunks, each with the latest clock', () => {
    const traits = Array.from({ length: 25 }, (_, i) => [`t${i}`, 'x'] as const)
    const calls = packed([patchOf('a', Object.fromEntries(traits))], { maxPatchEntries: 10 })
    const chunks = calls.flatMap(({ patches }) => patches)
    expect(chunks.map(({ names }) => names.length)).toEqual([10, 10, 5])
    expect(chunks.flatMap(({ names }) => names)).toEqual(traits.map(([name]) => name))
    expect(chunks.every(({ latest }) => latest === CLOCK)).toBe(true)
  })

  test('is split by size, too, but never within a trait', () => {
    const huge = 'x'.repeat(1000)
    const calls = packed([patchOf('a', { one: huge, two: huge, three: huge })], { maxBytes: 500 })
    expect(calls.flatMap(({ patches }) => patches.map(({ names }) => names))).toEqual([
      ['one'],
      ['two'],
      ['three'],
    ])
  })
})

describe('the calls', () => {
  test('have each shape only once', () => {
    const like = (id: string, plan: StoredValue) => patchOf(id, { name: 'Acme', plan })
    const patches = [like('a', 'x'), like('b', 'y'), like('c', new JsonText('1')), like('d', 'z')]
    const [call] = [...packCalls(patches, prefixes, WIDE)]
    const [shapes, list] = unpacked(call)
    expect(shapes).toEqual([
      [2, 'name', '', 'plan', ''],
      [2, 'name', '', 'plan', 'j'],
    ])
    expect(list.filter((_, i) => i % 8 === 2)).toEqual([1, 1, 2, 1])
  })

  const ids = Array.from({ length: 7 }, (_, i) => `g${i}`)

  test('have as many patches as the limits allow', () => {
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

  test('end once they reach the limit of entries or of bytes', () => {
    const patches = ids.map((id) => patchOf(id, { plan: 'pro', name: 'Acme' }))
    expect(packed(patches, { maxEntries: 5 }).map(({ patches }) => patches.length)).toEqual([
      3, 3, 1,
    ])
    expect(packed(patches, { maxBytes: 1 })).toHaveLength(14)
  })
})

test('any clock has 16 digits', () => {
  expect([0, 1606170535111000, 0, Number.MAX_SAFE_INTEGER, 12].map(clockDigits)).toEqual([
    '0000000000000000',
    '1606170535111000',
    '0000000000000000',
    '9007199254740991',
    '0000000000000012',
  ])
})

function patchOf(groupId: string, traits: Record<string, StoredValue | null>): GroupState {
  const states = new Map<string, GroupState>()
  foldInto(states, eventOf({ groupId, userId: 'u', clock: CLOCK, traits }))
  return { ...(states.get(groupId) as GroupState), users: new Memberships() }
}

function unpacked(call: MergeCall | undefined): [shapes: unknown[][], list: unknown[]] {
  return JSON.parse(call?.packed ?? '[]')
}

/** Returns the chunks of each call. */
function packed(patches: readonly GroupState[], limits: Partial<CallLimits>) {
  return Array.from(packCalls(patches, prefixes, { ...WIDE, ...limits }), ({ chunks }) => ({
    patches: chunks.map(({ groupId, latest, traits }) => {
      return { groupId, latest, names: [...traits.keys()] }
    }),
  }))
}
