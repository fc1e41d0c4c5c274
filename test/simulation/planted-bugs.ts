/** Bugs that the simulation must find. Each replaces one text in one source file. */
import type { Mutation } from './mutation.ts'

export interface PlantedBug extends Mutation {
  /** What the worker does wrong. */
  readonly name: string
  /** Where to start, for a bug that shows in only one of many thousands of histories. Default: 1. */
  readonly firstSeed?: number
}

const PROCESS_BATCH = '/src/pipeline/process-batch.ts'
const CHECKPOINTED_STORE = '/src/pipeline/checkpointed-store.ts'
const LOSS_DETECTION = '/src/pipeline/loss-detection.ts'
const MERGE = '/src/domain/merge/merge.ts'
const TRAIT_STATES = '/src/domain/merge/trait-states.ts'
const MEMBERSHIPS = '/src/domain/merge/memberships.ts'
const RETRY = '/src/pipeline/retry.ts'
const BATCH_HANDLER = '/src/kafka/consumer/batch-handler.ts'
const FETCHED_BATCH = '/src/kafka/consumer/fetched-batch.ts'
const BATCH_CONTEXT = '/src/kafka/consumer/batch-context.ts'
const BATCHES_IN_FLIGHT = '/src/kafka/consumer/batches-in-flight.ts'
const STATE_WATCH = '/src/app/watch/state-watch.ts'

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'commits the offset before the merge',
    file: PROCESS_BATCH,
    find: '  const patches = [',
    replace: '  await context.commit(next)\n  const patches = [',
  },
  {
    name: 'commits the offset before the dead letters are written',
    file: PROCESS_BATCH,
    find: '  if (deadLetters.length > 0) await',
    replace: '  await context.commit(next)\n  if (deadLetters.length > 0) await',
  },
  {
    name: 'does not await the dead letters',
    file: PROCESS_BATCH,
    find: 'await retryUntilAvailable(write, context, retry)',
    replace: 'retryUntilAvailable(write, context, retry).catch(() => {})',
  },
  {
    name: 'swallows the error of a failed write of dead letters',
    file: PROCESS_BATCH,
    find: 'deadLetterTopic.write(deadLetters)',
    replace: 'deadLetterTopic.write(deadLetters).catch(() => {})',
  },
  {
    name: 'writes no dead letters for state conflicts',
    file: PROCESS_BATCH,
    find: ', ...conflicting]',
    replace: ']',
  },
  {
    name: 'keeps only the last event of each group in a batch',
    file: PROCESS_BATCH,
    find: '      folded.accepted++\n',
    replace: '      folded.accepted++\n      folded.patches.delete(decoded.groupId)\n',
  },
  {
    name: 'commits one offset too far',
    file: FETCHED_BATCH,
    find: 'BigInt(batch.lastOffset()) + 1n',
    replace: 'BigInt(batch.lastOffset()) + 2n',
  },
  {
    name: 'commits the offset after the last record, not after the end of the batch',
    file: FETCHED_BATCH,
    find: 'BigInt(batch.lastOffset()) + 1n',
    replace: "BigInt(records.at(-1)?.offset ?? '-1') + 1n",
  },
  {
    name: 'continues a batch of an old assignment after a rebalance',
    file: BATCH_CONTEXT,
    find: 'partitions.assignment !== assignment',
    replace: 'false',
  },
  {
    name: 'does not wait for the previous batch of the partition',
    file: PROCESS_BATCH,
    find: '  await context.waitForTurn()\n',
    replace: '  context.waitForTurn().catch(() => {})\n',
  },
  {
    name: 'continues a batch although the previous one was abandoned',
    file: BATCHES_IN_FLIGHT,
    find: 'const outcome = await before\n',
    replace: "const outcome = (await before) && ('durable' as Outcome)\n",
  },
  {
    name: 'rewinds the batches after a rewound one even once the partition is fetched from the new offset',
    file: BATCHES_IN_FLIGHT,
    find: "outcome === 'rewound' ? 'durable' : outcome",
    replace: 'outcome',
  },
  {
    name: 'waits for the batches of a former assignment',
    file: BATCHES_IN_FLIGHT,
    find: '    this.latest = new Map()\n',
    replace: '',
  },
  {
    name: 'does not free the slot of an abandoned batch',
    file: BATCHES_IN_FLIGHT,
    find: '.finally(() => {\n      endDecoding()\n',
    replace:
      ".then((outcome) => {\n      if (outcome !== 'durable') return outcome\n      endDecoding()\n",
  },
  {
    name: 'swallows an error of kafkajs that occurs after eachBatch has returned',
    file: BATCH_HANDLER,
    find: '} else if (isOurs) {',
    replace: '} else if (false) {',
  },
  {
    name: 'reports an error that occurs after eachBatch has returned only at the next batch',
    file: BATCH_HANDLER,
    find: '    if (!isOfRebalance(error)) handler.onFailed(error)\n',
    replace: '',
  },
  {
    name: 'commits without the metadata that marks the commit as its own',
    file: BATCH_CONTEXT,
    find: 'metadata = commitMetadata(topicId)',
    replace: "metadata = ''",
  },
  {
    name: 'treats an outage during the merge as success',
    file: RETRY,
    find: '      rules.onUnavailable(error)\n',
    replace: '      rules.onUnavailable(error)\n      return [] as Result\n',
  },
  {
    name: 'sends no heartbeats while it waits',
    file: RETRY,
    find: '    await context.heartbeat()\n',
    replace: '',
  },
  {
    name: 'swallows the error of a failed merge',
    file: CHECKPOINTED_STORE,
    find: 'await store.merge(patches)',
    replace: 'await store.merge(patches).catch(() => [])',
  },
  {
    name: 'writes the checkpoint before the merge',
    file: CHECKPOINTED_STORE,
    find: '      const conflicts = await store.merge(patches)\n',
    replace:
      '      const early = await checkpoints.compareAndSet(partition, expected, greater(next, expected?.next))\n' +
      '      if (early === undefined) continue\n' +
      '      progress.set(partition, { applied, checkpoint: early, isRewound: false })\n' +
      '      const conflicts = await store.merge(patches)\n' +
      '      return conflicts\n',
  },
  {
    name: 'ignores that the connection was replaced during the merge',
    file: CHECKPOINTED_STORE,
    find: 'store.connection !== connection',
    replace: 'false',
    firstSeed: 19_001,
  },
  {
    name: 'treats a checkpoint that another worker moved as written',
    file: CHECKPOINTED_STORE,
    find: '      await this.checkAgain()\n    }\n  }\n',
    replace: '      return conflicts\n    }\n  }\n',
  },
  {
    name: 'never compares the checkpoint with what was applied',
    file: LOSS_DETECTION,
    find: 'checkpoint?.next === undefined || checkpoint.next < applied',
    replace: 'false',
  },
  {
    name: 'treats a missing checkpoint as a first start',
    file: LOSS_DETECTION,
    find: 'checkpoint?.next === undefined || checkpoint.next < applied',
    replace: 'checkpoint?.next !== undefined && checkpoint.next < applied',
  },
  {
    name: 'does not seek back after a loss',
    file: CHECKPOINTED_STORE,
    find: '      this.seek(partition, from)\n',
    replace: '',
  },
  {
    name: 'seeks to its current position after a loss, not to the checkpoint',
    file: CHECKPOINTED_STORE,
    find: 'const from = greater(checkpoint?.next ?? 0n, partitionOffsets?.start)',
    replace: 'const from = partitionOffsets?.end ?? applied',
  },
  {
    name: 'applies batches that were fetched before a seek',
    file: CHECKPOINTED_STORE,
    find: 'if (fetchOffset <= partitionProgress.applied) return partitionProgress',
    replace: 'return partitionProgress',
  },
  {
    name: 'treats an offset that was set by hand as a loss',
    file: LOSS_DETECTION,
    find: 'if (offsets?.committed === undefined) return undefined',
    replace: 'if (offsets?.committed === undefined) return offsets?.next',
  },
  {
    name: "treats another worker's progress as a loss",
    file: LOSS_DETECTION,
    find: '(appliedPerCommit(offsets) ?? 0n) > possibleLoss.from',
    replace: 'possibleLoss.applied > possibleLoss.from',
  },
  {
    name: 'does not check the checkpoints between batches',
    file: STATE_WATCH,
    find: 'store.connection === checkedConnection && ticks % CHECK_EVERY_TICKS !== 0',
    replace: 'ticks > 0',
  },
  {
    name: 'lets the last event to arrive win at equal clocks',
    file: TRAIT_STATES,
    find: 'compareStored(value, current.value) > 0',
    replace: 'true',
  },
  {
    name: 'lets the first event to arrive win at equal clocks',
    file: TRAIT_STATES,
    find: '(clock === current.clock && compareStored(value, current.value) > 0)',
    replace: 'false',
  },
  {
    name: 'lets leaving win over membership at equal clocks',
    file: MEMBERSHIPS,
    find: '(clock === over && member && !overMember)',
    replace: '(clock === over && !member)',
  },
  {
    name: 'merges traits that are older than the erasure of their group',
    file: MERGE,
    find: 'if (clock > into.erasedAt) into.traits.merge',
    replace: 'into.traits.merge',
  },
  {
    name: 'does not store when a group was erased',
    file: MERGE,
    find: '  state.erasedAt = clock\n',
    replace: '',
  },
]
