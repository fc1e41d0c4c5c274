import Table from 'cli-table3'
import { clockTime } from './progress.ts'

/** What came out, so far or in the end. */
export interface Figures {
  readonly seed: number
  readonly startedAt: Date
  readonly recordsPerSecond: number
  /** How long faults happened, in milliseconds. */
  elapsedMs: number
  /** Times that the whole topic was held against Redis and the dead letters. */
  checks: number
  /** Acknowledged by Kafka. */
  records: number
  /** In the topics that were checked. */
  checkedRecords: number
  /** Of these, the ones that were rejected. */
  rejected: number
  /** At least one for each that was rejected. */
  deadLetters: number
  readonly faults: SufferedFault[]
  /** Where Redis or the dead letters are not as the topic says. */
  readonly differences: string[]
  /** Workers that ended by themselves, or otherwise than they were asked to. */
  readonly deaths: string[]
  /** Set where it had to be ended. */
  failure?: string
}

export interface SufferedFault {
  /** Two, where two were at once. */
  readonly kinds: readonly string[]
  /** How long each lasted. */
  readonly seconds: readonly number[]
  readonly endedAt: Date
  /** From the end of the last of them until all was well again. */
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

export function isFlawless({ differences, deaths, failure }: Figures): boolean {
  return differences.length === 0 && deaths.length === 0 && failure === undefined
}

/** How often a kind of fault happened, and how long it took until all was well again. */
export interface Recovery {
  readonly fault: string
  readonly times: number
  readonly p50Ms: number
  readonly maxMs: number
}

/** By kind; then those of two at once, which count for both kinds as well; then all. */
export function recoveriesOf({ faults }: Figures): Recovery[] {
  const kinds = [...new Set(faults.flatMap((each) => each.kinds))].sort()
  return [
    ...kinds.map((kind) => recoveryOf(kind, (each) => each.kinds.includes(kind))),
    recoveryOf('of these, two at once', (each) => each.kinds.length > 1),
    recoveryOf('all', () => true),
  ].filter(({ times }) => times > 0)

  function recoveryOf(fault: string, suits: (each: SufferedFault) => boolean): Recovery {
    const times = faults
      .filter(suits)
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
    ['workers that died by themselves', count(figures.deaths.length)],
  )
  return table.toString()
}

const PLAIN = { head: [], border: [], compact: true }
