/**
 * Runs a fuzzing program in its own process. So an input that kills the process, or that never
 * ends, is reported as a failure with its index.
 *
 * An input depends only on the seed (FUZZ_SEED) and its index. FUZZ_INPUTS is the number of inputs.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Chunk, Failure } from './fuzz-loop.ts'

export const SEED = Number(process.env.FUZZ_SEED ?? 20_201_123)
/** The number of inputs of decode.test.ts; the other tests use a fraction of it. */
export const INPUTS = Number(process.env.FUZZ_INPUTS ?? 150_000)
/** An input that takes longer is a failure. */
export const LIMIT_MS = 5000

export interface FuzzReport {
  readonly outcomes: ReadonlyMap<string, number>
  /** One text for each failure, with the seed and the index that repeat it. */
  readonly failures: readonly string[]
  readonly slowestMs: number
  readonly peakBytes: number
  /** The growth of the memory that is held, from the end of the warm-up to the end. */
  readonly growthBytes: number
}

/**
 * Runs a fuzzing program and collects its results.
 *
 * @param program the file in this folder that calls fuzzLoop
 * @param args further arguments, after the seed and the number of inputs
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
  const currentIndex = async () => {
    return (await readFile(join(folder, 'progress'), 'latin1')).trim()
  }
  const chunks: Chunk[] = []
  createInterface({ input: child.stdout! }).on('line', (line) => chunks.push(JSON.parse(line)))
  let stderr = ''
  child.stderr?.on('data', (text) => {
    stderr = (stderr + text).slice(-2000)
  })
  const watch = watchForHang(currentIndex, () => child.kill('SIGKILL'))
  try {
    const [exitCode, signal] = await once(child, 'close')
    const failures = chunks.flatMap((chunk) => chunk.failures)
    if (exitCode !== 0) {
      const message = watch.hung
        ? `took longer than ${LIMIT_MS} ms`
        : `ended the process (${signal ?? exitCode}): ${stderr}`
      failures.push({ index: Number(await currentIndex()), message })
    }
    return reportOf(chunks, failures, seed)
  } finally {
    watch.stop()
    child.kill('SIGKILL')
    await progress.close()
    await rm(folder, { recursive: true })
  }
}

function watchForHang(currentIndex: () => Promise<string>, onHang: () => void) {
  let last = ''
  let sinceMs = performance.now()
  const timer = setInterval(async () => {
    const index = await currentIndex().catch(() => last)
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
 * The minimum of the last third minus that of the second third. The first third is the warm-up; a
 * minimum is least affected by memory that is about to be freed.
 */
function growthOf(held: readonly number[]): number {
  const third = Math.floor(held.length / 3)
  return Math.min(...held.slice(2 * third)) - Math.min(...held.slice(third, 2 * third))
}
