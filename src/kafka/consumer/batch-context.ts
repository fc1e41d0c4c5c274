import { Abandoned } from '../../pipeline/errors.ts'
import type { BatchContext } from '../../pipeline/ports.ts'
import type { EachBatchPayload } from '../client/kafkajs.ts'
import { commitMetadata } from '../wire/commit-metadata.ts'
import type { SendOffsets } from './committer.ts'
import type { PartitionStates } from './partition-states.ts'

/**
 * Creates the context of a batch. It is valid only under the current assignment: after a rebalance
 * each of its functions throws Abandoned.
 *
 * @param waitForTurn resolves once all batches of the partition before this one are durable
 * @param onCommitFailed called with the error of a commit, also after the batch is done
 */
export function createBatchContext(
  payload: EachBatchPayload,
  { partitions, signal }: { readonly partitions: PartitionStates; readonly signal: AbortSignal },
  waitForTurn: BatchContext['waitForTurn'],
  onCommitFailed: (error: unknown) => void,
): BatchContext {
  const { topic, partition } = payload.batch
  const { assignment, committer, topicId } = partitions
  const assertOwned = () => {
    committer.throwIfFailed()
    if (partitions.assignment !== assignment) {
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
    waitForTurn: async () => {
      assertOwned()
      await waitForTurn()
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
      // the worker leaves the group as soon as its batches are done: after that no commit is taken
      await committer.settled()
      committer.throwIfFailed()
    },
  }
}
