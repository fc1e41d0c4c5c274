import { Unavailable } from '../../pipeline/errors.ts'
import type { Checkpoints } from '../../pipeline/ports.ts'
import type { Offsets } from '../topic-reader.ts'

/**
 * Advances the checkpoints in Redis to these offsets, before which all is applied. So workers that
 * ended because Redis had lost state find nothing missing when they start again. A checkpoint that
 * is further already stays.
 *
 * @throws Unavailable: to be retried; NotRetriable if another program wrote a checkpoint
 */
export async function advanceCheckpoints(
  checkpoints: Checkpoints,
  applied: Offsets,
): Promise<void> {
  const seen = await checkpoints.read()
  for (const [partition, next] of applied) {
    const checkpoint = seen.get(partition)
    if (checkpoint?.next !== undefined && checkpoint.next >= next) continue
    const isSet = (await checkpoints.compareAndSet(partition, checkpoint, next)) !== undefined
    if (!isSet) {
      const message = `a worker wrote the checkpoint of partition ${partition} at the same time`
      throw new Unavailable('redis', message)
    }
  }
}
