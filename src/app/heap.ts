import { setFlagsFromString } from 'node:v8'

/**
 * Keeps the heap small and its pauses short on the one or two CPUs that a worker usually has.
 * docs/speed.md has the measurements.
 *
 * - The old space may grow by only 70 % between collections. By default it may quadruple.
 * - A parallel scavenge is off: its threads wait for each other while other programs use the CPUs.
 * - The size of the young space and the number of malloc arenas can only be set from outside, where
 *   the worker is started: in package.json, main.ts and the Dockerfile.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=70')
  setFlagsFromString('--no-parallel-scavenge')
}
