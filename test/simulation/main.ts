/**
 * `npm run simulate -- [--seeds N] [--from S] [--trace]`: simulates histories and prints a summary
 * and the violations. Exit code 1 if a history failed, 2 for wrong arguments.
 */
import { parseArgs } from 'node:util'
import { simulate, type Verdict } from './simulate.ts'
import { runHistories } from './thread-pool.ts'

const USAGE = `usage: npm run simulate -- [--seeds N] [--from S] [--trace]

  --seeds N   how many histories to simulate (1000)
  --from S    the first seed (1)
  --trace     print every event; the histories run one after the other`
/** Histories between two lines of progress. */
const PROGRESS_EVERY = 500

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseArguments(argv)
  if (typeof parsed === 'string') {
    process.stderr.write(`${parsed}\n${USAGE}\n`)
    return 2
  }
  const { from, count } = parsed
  return parsed.trace ? await trace(from, count) : await run(from, count)
}

/** Returns the options, or a message that says which of them is wrong. */
function parseArguments(
  argv: readonly string[],
): { from: number; count: number; trace: boolean } | string {
  const options = {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  } as const
  try {
    const { seeds, from, trace } = parseArgs({ args: [...argv], options }).values
    const areNumbers = /^[1-9]\d{0,8}$/.test(seeds) && /^\d{1,9}$/.test(from)
    if (!areNumbers) return '--seeds and --from take whole numbers'
    return { from: Number(from), count: Number(seeds), trace }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function run(from: number, count: number): Promise<number> {
  const startedMs = performance.now()
  let done = 0
  const verdicts = await runHistories({
    from,
    count,
    onVerdict: () => {
      if (++done % PROGRESS_EVERY === 0) process.stderr.write(`${done} of ${count} histories\n`)
    },
  })
  const seconds = (performance.now() - startedMs) / 1000
  process.stdout.write(summaryOf(verdicts, seconds))
  const failed = verdicts.filter(({ violation }) => violation !== undefined)
  for (const verdict of failed) process.stdout.write(describe(verdict))
  return failed.length === 0 ? 0 : 1
}

/** Runs the histories one after the other and prints each event on its own line. */
async function trace(from: number, count: number): Promise<number> {
  let failures = 0
  for (let seed = from; seed < from + count; seed++) {
    const verdict = await simulate(seed, (line) => process.stdout.write(`${line}\n`))
    if (verdict.violation !== undefined) failures++
    process.stdout.write(
      verdict.violation === undefined ? `seed ${seed}: no violation\n` : describe(verdict),
    )
  }
  return failures === 0 ? 0 : 1
}

function summaryOf(verdicts: readonly Verdict[], seconds: number): string {
  const faults = Map.groupBy(
    verdicts.flatMap(({ faults }) => faults),
    (kind) => kind,
  )
  const counts = [...faults].map(([kind, all]) => [kind, all.length] as const)
  const steps = verdicts.reduce((sum, verdict) => sum + verdict.steps, 0)
  const failures = verdicts.filter(({ violation }) => violation !== undefined).length
  return [
    `${verdicts.length} histories, ${steps} steps, ${failures} failed`,
    `${(verdicts.length / seconds).toFixed(0)} histories a second`,
    ...counts.sort(([, a], [, b]) => b - a).map(([kind, n]) => `${String(n).padStart(8)}  ${kind}`),
    '',
  ].join('\n')
}

function describe({ seed, violation }: Verdict): string {
  return `seed ${seed}: ${violation}\n  npm run -s simulate -- --seeds 1 --from ${seed} --trace\n`
}
