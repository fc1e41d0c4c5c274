/**
 * The loop of a fuzzing program, in the process that fuzz-process.ts starts. Prints one line of
 * JSON per chunk of inputs, and writes the index of the current input to descriptor 3.
 */
import { writeSync } from 'node:fs'
import type { Chance } from '../setup/chance.ts'
import { chanceAt } from './chance.ts'

/** The results of a chunk of inputs. */
export interface Chunk {
  /** outcome -> the number of inputs */
  readonly outcomes: Readonly<Record<string, number>>
  readonly failures: readonly Failure[]
  readonly slowestMs: number
  /** Memory on and off the heap after a full garbage collection. */
  readonly heldBytes: number
  /** The peak resident memory of the process so far. */
  readonly peakBytes: number
}

export interface Failure {
  readonly index: number
  readonly message: string
}

const CHUNK = 2000
/** The descriptor of the file that holds the index of the current input. */
const PROGRESS = 3

/**
 * Calls `check` for each input; an error that it throws is a failure.
 *
 * @param check returns the outcome in a few words, for statistics
 */
export async function fuzzLoop(
  check: (chance: Chance, index: number) => string | Promise<string>,
): Promise<void> {
  const [seed, inputs] = process.argv.slice(2).map(Number) as [number, number]
  for (let from = 0; from < inputs; from += CHUNK) {
    const chunk = await runChunk(check, seed, from, Math.min(inputs, from + CHUNK))
    process.stdout.write(`${JSON.stringify(chunk)}\n`)
  }
}

async function runChunk(
  check: (chance: Chance, index: number) => string | Promise<string>,
  seed: number,
  from: number,
  to: number,
): Promise<Chunk> {
  const outcomes: Record<string, number> = {}
  const failures: Failure[] = []
  let slowestMs = 0
  for (let index = from; index < to; index++) {
    writeSync(PROGRESS, String(index).padEnd(16), 0)
    const startMs = performance.now()
    try {
      const outcome = await check(chanceAt(seed, index), index)
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    } catch (error) {
      failures.push({
        index,
        message: error instanceof Error ? String(error.stack) : String(error),
      })
    }
    slowestMs = Math.max(slowestMs, performance.now() - startMs)
  }
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return {
    outcomes,
    failures: failures.slice(0, 10),
    slowestMs,
    heldBytes: heapUsed + external,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  }
}
