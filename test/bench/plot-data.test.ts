import { describe, expect, test } from 'vitest'
import { plotData } from './plot-data.ts'
import type { StoredResults } from './results.ts'
import { SCENARIOS } from './scenarios.ts'

const WORKERS = ['group-traits', 'pipelined', 'straightforward', 'fetch']

const FIGURES = { eventsPerSecond: 12_345.6, p50Ms: 1.26, p99Ms: 34.5 }

const whole: StoredResults = {
  at: '2026-11-24T00:00:00.000Z',
  machine: { cpu: 'some', cpus: 2 },
  scenarios: SCENARIOS.filter(({ isDefault }) => isDefault).map(({ name }) => ({
    scenario: name,
    rows: WORKERS.map((ran) => ({ ran, figures: FIGURES })),
  })),
}

const changed = (
  scenario: string,
  rows: (
    all: StoredResults['scenarios'][number]['rows'],
  ) => StoredResults['scenarios'][number]['rows'],
): StoredResults => ({
  ...whole,
  scenarios: whole.scenarios.map((found) =>
    found.scenario === scenario ? { ...found, rows: rows(found.rows) } : found,
  ),
})

describe('the plot data', () => {
  test('have every worker at every backlog and load, from the results of a whole run', () => {
    const { drains, latencies } = plotData(whole)
    expect(drains).toHaveLength(4 * 3)
    expect(latencies).toHaveLength(2 * 3)
    expect(drains[0]).toEqual({
      backlog: '1 partition',
      worker: 'group-traits',
      eventsPerSecond: 12_345.6,
      label: '12,346',
    })
    expect(latencies[0]).toMatchObject({
      load: '1,000 events/s',
      label: 'p50 1.3 ms, p99 35 ms',
    })
  })

  test.each([
    ['a scenario that failed', changed('drain-200', () => []), 'of drain-200:'],
    ['a worker', changed('drain-4', (rows) => rows.slice(0, 1)), 'of drain-4:'],
    [
      'a figure that could not be measured',
      changed('latency-1k', (rows) =>
        rows.map((row) => ({ ...row, figures: { ...FIGURES, p99Ms: null } })),
      ),
      'of latency-1k:',
    ],
    [
      'everything',
      { ...whole, scenarios: [] },
      'drain-1, drain-4, drain-200, drain-uniform, latency-1k, latency-10k:',
    ],
  ])('cannot be made if %s is missing, which is named', (_, results, name) => {
    expect(() => plotData(results)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining(name) }),
    )
  })
})
