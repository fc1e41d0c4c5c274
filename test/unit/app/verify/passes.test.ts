import { expect, test } from 'vitest'
import {
  ALL_HASHES,
  bytesOf,
  type FoldedRange,
  type HashRange,
  isWithin,
  nextRange,
} from '../../../../src/app/verify/passes.ts'
import { patchOf } from '../../../setup/domain/patches.ts'

test('ids are spread evenly over ranges, each in exactly one', () => {
  const ids = Array.from({ length: 8000 }, (_, i) => (i % 2 === 0 ? `account${i}` : `${i}`))
  const width = ALL_HASHES.to / 8
  const ranges = Array.from({ length: 8 }, (_, i) => ({ from: i * width, to: (i + 1) * width }))
  for (const range of ranges) {
    const count = ids.filter((id) => isWithin(range, id)).length
    expect(count).toBeGreaterThan(850)
    expect(count).toBeLessThan(1150)
  }
  for (const id of ids) expect(ranges.filter((range) => isWithin(range, id))).toHaveLength(1)
})

test('each range begins where the one before ends, and is as wide as memory allows', () => {
  const quarter = ALL_HASHES.to / 4
  const folded = (range: HashRange, bytes: number) => ({ range, bytes }) as FoldedRange
  const first = { from: 0, to: quarter }
  expect(nextRange(folded(first, 800), 1000)).toEqual({ from: quarter, to: 2 * quarter })
  expect(nextRange(folded(first, 1600), 1000)).toEqual({ from: quarter, to: 1.5 * quarter })
  expect(nextRange(folded(first, 0), 1000)).toEqual({ from: quarter, to: ALL_HASHES.to })
  const last = { from: quarter, to: ALL_HASHES.to }
  expect(nextRange(folded(last, 1000), 1000).from).toBe(ALL_HASHES.to)
})

test('memory is estimated by the number of entries and the length of texts', () => {
  const small = patchOf('g', { clock: 1, traits: { plan: 'pro' } })
  const long = patchOf('g', { clock: 1, traits: { plan: 'x'.repeat(10_003) } })
  const crowded = patchOf('g', { clock: 1, traits: { plan: 'pro' }, users: { ann: true } })
  expect(bytesOf([long]) - bytesOf([small])).toBe(20_000)
  expect(bytesOf([crowded])).toBeGreaterThan(bytesOf([small]) + 100)
  expect(bytesOf([small, long])).toBe(bytesOf([small]) + bytesOf([long]))
})
