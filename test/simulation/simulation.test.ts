import { describe, expect, test } from 'vitest'
import { runHistories } from './fleet.ts'
import { type Hunt, huntFor } from './hunt.ts'
import { mutate } from './mutation.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'
import { simulate } from './simulate.ts'

const HISTORIES = 10_000
/** On two cores it takes a tenth of that. */
const PATIENCE_MS = 600_000

test(`${HISTORIES} histories of crashes, outages and losses end in the state that the events make`, {
  timeout: PATIENCE_MS,
}, async () => {
  const verdicts = await runHistories({ from: 1, count: HISTORIES })
  const failed = verdicts.filter(({ violation }) => violation !== undefined)
  const messages = failed.map(
    ({ seed, violation }) =>
      `${violation}: npm run -s simulate -- --seeds 1 --from ${seed} --trace`,
  )
  expect(messages).toEqual([])
  expect(verdicts).toHaveLength(HISTORIES)
})

test('a seed gives the same history, event by event, in any thread', async () => {
  const seeds = { from: 1, count: 20 }
  const once = await runHistories(seeds)
  const again = await runHistories({ ...seeds, threads: 1 })
  expect(once).toEqual(again)
  const traces = await Promise.all([traceOf(7), traceOf(8)])
  expect(await traceOf(7)).toEqual(traces[0])
  expect(traces[1]).not.toEqual(traces[0])
})

describe('a planted bug', () => {
  test('is refused where its place is not there, or not once', () => {
    const bug = { file: 'a.ts', find: 'x', replace: 'y' }
    expect(mutate('a x b', bug)).toBe('a y b')
    expect(() => mutate('a b', bug)).toThrow('a.ts has 0 times, not once: x')
    expect(() => mutate('x x', bug)).toThrow('a.ts has 2 times, not once: x')
  })

  test('is found, each of them, within as many histories', { timeout: PATIENCE_MS }, async () => {
    const hunts = await Promise.all([huntNext(), huntNext()])
    const table = hunts.flat().map(lineOf)
    process.stdout.write(`${['histories until', ...table].join('\n')}\n`)
    const missed = hunts.flat().filter(({ failures }) => failures === 0)
    expect(missed.map(({ name }) => name)).toEqual([])
    expect(table).toHaveLength(PLANTED_BUGS.length)
  })
})

const remaining = PLANTED_BUGS[Symbol.iterator]()

async function huntNext(): Promise<Hunt[]> {
  const hunts: Hunt[] = []
  for (const bug of remaining) hunts.push(await huntFor(bug, bug.firstSeed ?? 1, HISTORIES))
  return hunts
}

function lineOf({ name, histories, failures }: Hunt): string {
  return `  ${name}: found in ${failures} of ${histories} histories`
}

async function traceOf(seed: number): Promise<string[]> {
  const lines: string[] = []
  await simulate(seed, (line) => lines.push(line))
  return lines
}
