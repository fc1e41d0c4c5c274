/**
 * Runs a fuzzing program in a process of its own, so that an input that kills it, or that it
 * never comes back from, is a failure like any other, with its index.
 *
 * FUZZ_SEED makes other inputs, FUZZ_INPUTS more of them; the seed and the index of an input
 * are all that it depends on.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Chunk, Failure } from './fuzz-loop.ts'

export const SEED = Number(process.env.FUZZ_SEED ?? 20_201_123)
/** Of decode.test.ts; the others take a share of as many. */
export const INPUTS = Number(process.env.FUZZ_INPUTS ?? 150_000)
/** No input may take longer. */
export const LIMIT_MS = 5000

export interface FuzzReport {
  readonly outcomes: ReadonlyMap<string, number>
  /** One line each, with what repeats it. */
  readonly failures: readonly string[]
  readonly slowestMs: number
  readonly peakBytes: number
  /** By how much more memory it held at the end than once it was warm. */
  readonly growthBytes: number
}

/**
 * @param program the file in this folder that calls fuzzLoop
 * @param args what it is given beside the seed and the number of inputs
 */
export async function runFuzz(
  program: string,
  inputs: number,
  seed = SEED,
  args: readonly string[] = [],
): Promise<FuzzReport> {
  const folder = await mkdtemp(join(tmpdir(), 'group-traits-fuzz-'))
  const progress = await open(join(folder, 'progress'), 'w')
  const file = new URL(program, import.meta.url).pathname
  const argv = ['--expose-gc', file, String(seed), String(inputs), ...args]
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'pipe', 'pipe', progress.fd],
  })
  const indexInFlight = async () => {
    return (await readFile(join(folder, 'progress'), 'latin1')).trim()
  }
  const chunks: Chunk[] = []
  createInterface({ input: child.stdout! }).on('line', (line) => chunks.push(JSON.parse(line)))
  let stderr = ''
  child.stderr?.on('data', (text) => {
    stderr = (stderr + text).slice(-2000)
  })
  const watch = watchForHang(indexInFlight, () => child.kill('SIGKILL'))
  try {
    const [exitCode, signal] = await once(child, 'close')
    const failures = chunks.flatMap((chunk) => chunk.failures)
    if (exitCode !== 0) {
      const message = watch.hung
        ? `took longer than ${LIMIT_MS} ms`
        : `ended the process (${signal ?? exitCode}): ${stderr}`
      failures.push({ index: Number(await indexInFlight()), message })
    }
    return reportOf(chunks, failures, seed)
  } finally {
    watch.stop()
    child.kill('SIGKILL')
    await progress.close()
    await rm(folder, { recursive: true })
  }
}

function watchForHang(indexInFlight: () => Promise<string>, onHang: () => void) {
  let last = ''
  let sinceMs = performance.now()
  const timer = setInterval(async () => {
    const index = await indexInFlight().catch(() => last)
    if (index !== last || index === '') {
      last = index
      sinceMs = performance.now()
    } else if (performance.now() - sinceMs > LIMIT_MS) {
      watch.hung = true
      onHang()
    }
  }, 250)
  const watch = { hung: false, stop: () => clearInterval(timer) }
  return watch
}

function reportOf(
  chunks: readonly Chunk[],
  failures: readonly Failure[],
  seed: number,
): FuzzReport {
  const outcomes = new Map<string, number>()
  for (const chunk of chunks) {
    for (const [outcome, count] of Object.entries(chunk.outcomes)) {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count)
    }
  }
  return {
    outcomes,
    failures: failures.map(({ index, message }) => `FUZZ_SEED=${seed}, input ${index}: ${message}`),
    slowestMs: Math.max(...chunks.map(({ slowestMs }) => slowestMs)),
    peakBytes: Math.max(...chunks.map(({ peakBytes }) => peakBytes)),
    growthBytes: growthOf(chunks.map(({ heldBytes }) => heldBytes)),
  }
}

/**
 * The least of the last third over that of the second: the first is for warming up, and the
 * least has nothing in it that is only on its way out.
 */
function growthOf(held: readonly number[]): number {
  const third = Math.floor(held.length / 3)
  return Math.min(...held.slice(2 * third)) - Math.min(...held.slice(third, 2 * third))
}
