import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Results, readResults, writeResults } from './results.ts'
import { isWhole, SCENARIOS } from './scenarios.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'group-traits-results-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('results', () => {
  test('that do not exist are reported in one line, with what to do', async () => {
    const file = join(folder, 'none.json')
    await expect(readResults(file)).rejects.toMatchObject({
      message: `There is no ${file}: run npm run bench first`,
      exitCode: 2,
    })
  })

  test.each([
    ['no JSON', '{"at": '],
    ['empty', ''],
    ['of an older form', '{ "at": "2026-11-23", "drains": [], "machine": {} }'],
  ])('that are %s are reported as no results of this benchmark', async (_, text) => {
    const file = join(folder, 'other.json')
    await writeFile(file, text)
    await expect(readResults(file)).rejects.toMatchObject({
      message: `${file} has no results of this benchmark: run npm run bench first`,
      exitCode: 2,
    })
  })

  test('are read as written, with null for figures that could not be measured', async () => {
    const file = join(folder, 'deeper', 'results.json')
    const figures = { eventsPerSecond: 5, nodeMicros: Number.NaN, p50Ms: Number.NaN }
    await writeResults(file, {
      at: '2026-11-24T00:00:00.000Z',
      machine: { cpu: 'some', cpus: 2 },
      scenarios: [{ scenario: 'drain-4', seconds: 1, rows: [{ ran: 'group-traits', figures }] }],
    } as unknown as Results)
    expect((await readResults(file)).scenarios).toEqual([
      {
        scenario: 'drain-4',
        rows: [{ ran: 'group-traits', figures: { eventsPerSecond: 5, p50Ms: null } }],
      },
    ])
  })

  test('are of a whole run if all default scenarios ran and none failed', () => {
    const all = SCENARIOS.filter(({ isDefault }) => isDefault).map(({ name }) => ({
      scenario: name,
      seconds: 1,
      rows: [],
    }))
    expect(isWhole(all)).toBe(true)
    expect(isWhole(all.slice(1))).toBe(false)
    expect(isWhole(all.with(0, { ...all[0]!, failure: 'It fell' } as never))).toBe(false)
  })
})
