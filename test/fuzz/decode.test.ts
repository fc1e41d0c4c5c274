import { beforeAll, expect, test } from 'vitest'
import { REASONS } from '../../src/domain/problem.ts'
import { type FuzzReport, INPUTS, LIMIT_MS, runFuzz } from './fuzz-process.ts'

const MiB = 1024 * 1024
/** The reasons that do not come from decoding. */
const OTHER_REASONS = ['state_conflict', 'skipped']

let report: FuzzReport
beforeAll(async () => {
  report = await runFuzz('./decode-inputs.ts', INPUTS)
}, 60_000 + INPUTS)

test(`decoding ${INPUTS} mutated records never throws, hangs or breaks the contract`, () => {
  expect(report.failures).toEqual([])
  expect(report.slowestMs).toBeLessThan(LIMIT_MS)
})

test('they produce every kind of result, and every reason for rejection', () => {
  const seen = Object.fromEntries(report.outcomes)
  const reasons = REASONS.filter((reason) => !OTHER_REASONS.includes(reason))
  const wanted = ['erasure', 'ignored', ...reasons]
  expect(wanted.filter((outcome) => (seen[outcome] ?? 0) < 20)).toEqual([])
  expect(seen.group).toBeGreaterThan(INPUTS / 10)
})

test('memory does not grow with the number of records', () => {
  expect(report.growthBytes).toBeLessThan(2 * MiB)
})
