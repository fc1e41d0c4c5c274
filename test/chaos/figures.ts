import Table from 'cli-table3'
import { clockTime } from './progress.ts'

/** The results of a run, so far or at its end. The keys are those of the JSON results. */
export interface Figures {
  readonly seed: number
  readonly startedAt: Date
  readonly recordsPerSecond: number
  /** The duration of the run, in milliseconds. */
  elapsedMs: number
  /** How often a whole topic was compared with Redis and the dead letters. */
  checks: number
  /** Records that Kafka has acknowledged. */
  records: number
  /** Records in the topics that were checked. */
  checkedRecords: number
  /** How many of the checked records are invalid. */
  rejected: number
  /** Dead letters found by the checks: at least one for each rejected record. */
  deadLetters: number
  readonly faults: InjectedFault[]
  /** Differences between the topics on one side and Redis and the dead letters on the other. */
  readonly differences: string[]
  /** Descriptions of workers that ended by themselves, or not with code 0 when stopped. */
  readonly deaths: string[]
  /** Why the run ended early, if it did. */
  failure?: string
}

export interface InjectedFault {
  /** One kind, or two if two faults were injected at the same time. */
  readonly kinds: readonly string[]
  /** The duration of each. */
  readonly seconds: readonly number[]
  readonly endedAt: Date
  /** From the end of the last of them until the workers had recovered. */
  readonly recoveryMs: number
}

export function emptyFigures(seed: number, recordsPerSecond: number): Figures {
  return {
    seed,
    startedAt: new Date(),
    recordsPerSecond,
    elapsedMs: 0,
    checks: 0,
    records: 0,
    checkedRecords: 0,
    rejected: 0,
    deadLetters: 0,
    faults: [],
    differences: [],
    deaths: [],
  }
}

export function hasPassed({ differences, deaths, failure }: Figures): boolean {
  return differences.length === 0 && deaths.length === 0 && failure === undefined
}

/** How often a kind of fault was injected, and how long the workers took to recover from it. */
export interface Recovery {
  readonly fault: string
  readonly times: number
  readonly p50Ms: number
  readonly maxMs: number
}

/** One row for each kind, one for two faults at once (which also count for their kinds), one for all. */
export function recoveriesOf({ faults }: Figures): Recovery[] {
  const kinds = [...new Set(faults.flatMap((each) => each.kinds))].sort()
  return [
    ...kinds.map((kind) => recoveryOf(kind, (each) => each.kinds.includes(kind))),
    recoveryOf('two at once', (each) => each.kinds.length > 1),
    recoveryOf('all', () => true),
  ].filter(({ times }) => times > 0)

  function recoveryOf(fault: string, isCounted: (each: InjectedFault) => boolean): Recovery {
    const times = faults
      .filter(isCounted)
      .map(({ recoveryMs }) => Math.round(recoveryMs))
      .sort((a, b) => a - b)
    const quantile = (q: number) => times[Math.ceil(q * times.length) - 1] ?? Number.NaN
    return { fault, times: times.length, p50Ms: quantile(0.5), maxMs: quantile(1) }
  }
}

export function tableOf(figures: Figures): string {
  return `${tableOfRecoveries(figures)}\n${tableOfTotals(figures)}`
}

function tableOfRecoveries(figures: Figures): string {
  const table = new Table({
    head: ['fault', 'times', 'recovery p50 s', 'max s'],
    style: PLAIN,
    colAligns: ['left', 'right', 'right', 'right'],
  })
  const seconds = (ms: number) => (ms / 1000).toFixed(1)
  for (const { fault, times, p50Ms, maxMs } of recoveriesOf(figures)) {
    table.push([fault, times, seconds(p50Ms), seconds(maxMs)])
  }
  return table.toString()
}

function tableOfTotals(figures: Figures): string {
  const table = new Table({ style: PLAIN, colAligns: ['left', 'right'] })
  const count = (value: number) => value.toLocaleString('en')
  table.push(
    ['time', clockTime(figures.elapsedMs)],
    ['seed', figures.seed],
    ['records produced', count(figures.records)],
    ['records checked', `${count(figures.checkedRecords)} in ${figures.checks} checks`],
    ['rejected records', count(figures.rejected)],
    ['dead letters', count(figures.deadLetters)],
    ['differences', count(figures.differences.length)],
    ['unexpected worker exits', count(figures.deaths.length)],
  )
  return table.toString()
}

const PLAIN = { head: [], border: [], compact: true }
