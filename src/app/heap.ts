import { setFlagsFromString } from 'node:v8'

/**
 * Keeps the heap small and its pauses short, on the one or two processors that a worker
 * usually has; docs/speed.md tells what each is worth.
 *
 * - The old space may only grow by 70 % between collections, not quadruple.
 * - What can only be set from outside is set where the worker is started (package.json, main.ts,
 *   Dockerfile): a small young space, and one arena of the C library for all threads.
 * - The threads of a parallel scavenge wait for each other where others keep the processors busy.
 */
export function tameHeap(): void {
  setFlagsFromString('--heap-growing-percent=70')
  setFlagsFromString('--no-parallel-scavenge')
}
