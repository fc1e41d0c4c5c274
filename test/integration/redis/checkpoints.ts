import { expect } from 'vitest'
import type { Checkpoint, Checkpoints } from '../../../src/pipeline/ports.ts'

/** Sets the checkpoint where it is as seen, and looks at it. */
export async function set(
  checkpoints: Checkpoints,
  partition: number,
  seen: Checkpoint | undefined,
  next: bigint,
): Promise<Checkpoint> {
  const checkpoint = await checkpoints.compareAndSet(partition, seen, next)
  if (checkpoint === undefined)
    throw new Error(`the checkpoint of partition ${partition} was another`)
  expect((await checkpoints.read()).get(partition)).toEqual(checkpoint)
  return checkpoint
}

/** Partition -> next offset. */
export function nexts(
  checkpoints: ReadonlyMap<number, Checkpoint>,
): Record<number, bigint | undefined> {
  return Object.fromEntries(Array.from(checkpoints, ([partition, { next }]) => [partition, next]))
}
