import { describe, expect, test } from 'vitest'
import { type SearchResult, searchFor } from './bug-search.ts'
import { mutate } from './mutation.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'
import { simulate } from './simulate.ts'
import { runHistories } from './thread-pool.ts'

const HISTORIES = 10_000
/** About ten times what it takes on two cores. */
const TIMEOUT_MS = 600_000

test(`${HISTORIES} histories of crashes, outages and losses end in the state of their events`, {
  timeout: TIMEOUT_MS,
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

test('the same seed gives the same history, event by event, in any thread', async () => {
  const seeds = { from: 1, count: 20 }
  const once = await runHistories(seeds)
  const again = await runHistories({ ...seeds, threads: 1 })
  expect(once).toEqual(again)
  const traces = await Promise.all([traceOf(7), traceOf(8)])
  expect(await traceOf(7)).toEqual(traces[0])
  expect(traces[1]).not.toEqual(traces[0])
})

describe('a planted bug', () => {
  test('is rejected unless the text to replace occurs exactly once', () => {
    const bug = { file: 'a.ts', find: 'x', replace: 'y' }
    expect(mutate('a x b', bug)).toBe('a y b')
    expect(() => mutate('a b', bug)).toThrow('once, but has it 0 times: x')
    expect(() => mutate('x x', bug)).toThrow('once, but has it 2 times: x')
  })

  test(`is found within ${HISTORIES} histories`, { timeout: TIMEOUT_MS }, async () => {
    const results = (await Promise.all([searchRemaining(), searchRemaining()])).flat()
    const table = results.map(lineOf)
    process.stdout.write(`${['planted bugs:', ...table].join('\n')}\n`)
    const missed = results.filter(({ failures }) => failures === 0)
    expect(missed.map(({ name }) => name)).toEqual([])
    expect(table).toHaveLength(PLANTED_BUGS.length)
  })
})

/** Shared by the searches that run at the same time. */
const remaining = PLANTED_BUGS[Symbol.iterator]()

async function searchRemaining(): Promise<SearchResult[]> {
  const results: SearchResult[] = []
  for (const bug of remaining) results.push(await searchFor(bug, bug.firstSeed ?? 1, HISTORIES))
  return results
}

function lineOf({ name, histories, failures }: SearchResult): string {
  return `  ${name}: found in ${failures} of ${histories} histories`
}

async function traceOf(seed: number): Promise<string[]> {
  const lines: string[] = []
  await simulate(seed, (line) => lines.push(line))
  return lines
}
