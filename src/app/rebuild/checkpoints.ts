import { Unavailable } from '../../pipeline/errors.ts'
import type { AppliedMarks } from '../../pipeline/ports.ts'
import type { Offsets } from '../topic-fold.ts'

/**
 * Says in Redis that all before these offsets is applied: so workers that ended because Redis
 * had lost it find it healed.
 *
 * @throws Unavailable: to be called again; Refused where a mark is not a mark
 */
export async function advanceMarks(marks: AppliedMarks, applied: Offsets): Promise<void> {
  const seen = await marks.read()
  for (const [partition, next] of applied) {
    const mark = seen.get(partition)
    if (mark?.next !== undefined && mark.next >= next) continue
    const isMoved = (await marks.compareAndSet(partition, mark, next)) !== undefined
    if (!isMoved)
      throw new Unavailable('redis', `a worker moves the mark of partition ${partition}`)
  }
}
