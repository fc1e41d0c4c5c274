import { Abandoned } from '../../pipeline/errors.ts'
import type { BatchContext } from '../../pipeline/ports.ts'
import type { EachBatchPayload } from '../client/kafkajs.ts'
import { commitMetadata } from '../wire/commit-metadata.ts'
import type { SendOffsets } from './committer.ts'
import type { PartitionStates } from './partition-states.ts'

/**
 * The hold on a partition as of now: worth nothing once the partitions are assigned anew.
 *
 * @param onCommitFailed told of a commit that fails when nobody may touch the context any more
 */
export function createBatchContext(
  payload: EachBatchPayload,
  { partitions, signal }: { readonly partitions: PartitionStates; readonly signal: AbortSignal },
  turn: BatchContext['turn'],
  onCommitFailed: (error: unknown) => void,
): BatchContext {
  const { topic, partition } = payload.batch
  const { generation, committer, topicId } = partitions
  const assertOwned = () => {
    committer.assertWorking()
    // a rebalance was found while this batch was in hand
    if (partitions.generation !== generation) {
      throw new Abandoned(`partition ${partition} may have another owner by now`)
    }
  }
  const send: SendOffsets = async (nextOffsets) => {
    try {
      assertOwned()
      const metadata = commitMetadata(topicId)
      const offsets = Array.from(nextOffsets, ([partition, offset]) => {
        return { partition, offset: String(offset), metadata }
      })
      await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: offsets }] })
    } catch (error) {
      onCommitFailed(error)
      throw error
    }
  }
  return {
    signal,
    turn: async () => {
      assertOwned()
      await turn()
      assertOwned()
    },
    assertOwned,
    heartbeat: async () => {
      assertOwned()
      await payload.heartbeat()
    },
    commit: async (nextOffset) => {
      assertOwned()
      committer.commit(partition, nextOffset, send)
      if (!signal.aborted) return
      // the group is left once the batch is done
      await committer.settled()
      committer.assertWorking()
    },
  }
}
