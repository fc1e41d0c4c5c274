import { expect, test } from 'vitest'
import { BOMBS } from './bombs.ts'
import { INPUTS, LIMIT_MS, runFuzz } from './fuzz-process.ts'

const MiB = 1024 * 1024
const FETCHES = Math.ceil(INPUTS / 10)

test(
  `${FETCHES} mutated fetches give records, an undecodable batch, or a retriable error`,
  async () => {
    const report = await runFuzz('./fetch-inputs.ts', FETCHES)
    expect(report.failures).toEqual([])
    expect(report.slowestMs).toBeLessThan(LIMIT_MS)
    expect(report.peakBytes).toBeLessThan(500 * MiB)
    expect(report.growthBytes).toBeLessThan(16 * MiB)
    const seen = Object.fromEntries(report.outcomes)
    for (const what of ['records', 'compressed', 'header', 'response']) {
      expect(seen[`${what}: records`]).toBeGreaterThan(FETCHES / 100)
      expect(seen[`${what}: an undecodable batch`]).toBeGreaterThan(FETCHES / 100)
    }
    expect(seen['an unreadable response']).toBeGreaterThan(FETCHES / 100)
  },
  60_000 + INPUTS,
)

test('no bomb is decoded, and none takes long or needs memory beyond the cap', async () => {
  const report = await runFuzz('./bomb-inputs.ts', BOMBS.length)
  expect(report.failures).toEqual([])
  expect([...report.outcomes.keys()]).toEqual(BOMBS.map(({ name }) => name))
  expect(report.slowestMs).toBeLessThan(LIMIT_MS)
  // the cap is 64 MiB; making some of the bombs takes several times that
  expect(report.peakBytes).toBeLessThan(700 * MiB)
})
