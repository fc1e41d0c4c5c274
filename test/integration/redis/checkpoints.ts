import { expect } from 'vitest'
import type { Checkpoint, Checkpoints } from '../../../src/pipeline/ports.ts'

/** Sets a checkpoint that must still be `seen`, and expects to read it back. */
export async function set(
  checkpoints: Checkpoints,
  partition: number,
  seen: Checkpoint | undefined,
  next: bigint,
): Promise<Checkpoint> {
  const checkpoint = await checkpoints.compareAndSet(partition, seen, next)
  if (checkpoint === undefined)
    throw new Error(`the checkpoint of partition ${partition} was not the one seen`)
  expect((await checkpoints.read()).get(partition)).toEqual(checkpoint)
  return checkpoint
}

/** Partition -> next offset. */
export function nexts(
  checkpoints: ReadonlyMap<number, Checkpoint>,
): Record<number, bigint | undefined> {
  return Object.fromEntries(Array.from(checkpoints, ([partition, { next }]) => [partition, next]))
}
