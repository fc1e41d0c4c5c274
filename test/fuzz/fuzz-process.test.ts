import { expect, test } from 'vitest'
import { LIMIT_MS, runFuzz } from './fuzz-process.ts'

const MiB = 1024 * 1024
const INPUTS = 30_000
const SEED = 7

const run = (bug: string) => runFuzz('./planted-bugs.ts', INPUTS, SEED, [bug])

test('the same seed makes the same inputs, and another seed makes others', async () => {
  const [first, again, other] = await Promise.all([
    run('none'),
    run('none'),
    runFuzz('./planted-bugs.ts', INPUTS, SEED + 1, ['none']),
  ])
  expect(first.failures).toEqual([])
  expect(first.outcomes).toEqual(again.outcomes)
  expect(first.outcomes).not.toEqual(other.outcomes)
})

test('an exception is found, with its seed and index', async () => {
  const { failures } = await run('throws')
  expect(failures).toEqual([expect.stringContaining('FUZZ_SEED=7, input 4321: Error: planted')])
})

test('an input that never ends is found, and its process is killed', async () => {
  const { failures } = await run('hangs')
  expect(failures).toEqual([`FUZZ_SEED=7, input 4321: took longer than ${LIMIT_MS} ms`])
})

test('an input that kills the process is found', async () => {
  const { failures } = await run('dies')
  expect(failures).toEqual([
    expect.stringContaining('FUZZ_SEED=7, input 4321: ended the process (SIGKILL)'),
  ])
})

test('a leak of 200 bytes per input is found', async () => {
  expect((await run('leaks')).growthBytes).toBeGreaterThan(MiB)
})
