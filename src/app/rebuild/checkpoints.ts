import { Unavailable } from '../../pipeline/errors.ts'
import type { Checkpoints } from '../../pipeline/ports.ts'
import type { Offsets } from '../topic-fold.ts'

/**
 * Says in Redis that all before these offsets is applied: so workers that ended because Redis
 * had lost it find it healed.
 *
 * @throws Unavailable: to be called again; NotRetriable where a checkpoint is not a checkpoint
 */
export async function advanceCheckpoints(
  checkpoints: Checkpoints,
  applied: Offsets,
): Promise<void> {
  const seen = await checkpoints.read()
  for (const [partition, next] of applied) {
    const checkpoint = seen.get(partition)
    if (checkpoint?.next !== undefined && checkpoint.next >= next) continue
    const isMoved = (await checkpoints.compareAndSet(partition, checkpoint, next)) !== undefined
    if (!isMoved)
      throw new Unavailable('redis', `a worker moves the checkpoint of partition ${partition}`)
  }
}
