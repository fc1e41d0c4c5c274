/** The inner side of fuzz-process.ts: runs the inputs in turn, and tells what became of them. */
import { writeSync } from 'node:fs'
import { type Chance, chanceAt } from './chance.ts'

/** What is told of a chunk of inputs. */
export interface Chunk {
  /** How many inputs came out how. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly failures: readonly Failure[]
  readonly slowestMs: number
  readonly slowestIndex: number
  /** On and off the heap, behind a full collection of garbage. */
  readonly heldBytes: number
  /** The most of memory that the process ever had. */
  readonly peakBytes: number
}

export interface Failure {
  readonly index: number
  readonly message: string
}

const CHUNK = 2000
/** The descriptor that the index of the input in hand is written to, at its beginning. */
const PROGRESS = 3

/**
 * Runs a check for each input; what it throws is a failure.
 *
 * @param check answers how the input came out, in a word
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
  let slowestIndex = from
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
    const tookMs = performance.now() - startMs
    if (tookMs > slowestMs) [slowestMs, slowestIndex] = [tookMs, index]
  }
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return {
    outcomes,
    failures: failures.slice(0, 10),
    slowestMs,
    slowestIndex,
    heldBytes: heapUsed + external,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  }
}
