import { expect } from 'vitest'
import type { AppliedMarks, Mark } from '../../../src/pipeline/ports.ts'

/** Sets the mark where it is as seen, and looks at it. */
export async function set(
  marks: AppliedMarks,
  partition: number,
  seen: Mark | undefined,
  next: bigint,
): Promise<Mark> {
  const mark = await marks.compareAndSet(partition, seen, next)
  if (mark === undefined) throw new Error(`the mark of partition ${partition} was another`)
  expect((await marks.read()).get(partition)).toEqual(mark)
  return mark
}

/** Partition -> next offset. */
export function nexts(marks: ReadonlyMap<number, Mark>): Record<number, bigint | undefined> {
  return Object.fromEntries(Array.from(marks, ([partition, { next }]) => [partition, next]))
}
