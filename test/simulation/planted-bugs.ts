/** Bugs that the simulation must find: each a change of one place in the source. */
import type { Mutation } from './mutation.ts'

export interface PlantedBug extends Mutation {
  readonly name: string
  /** The first seed to look at, where the history that shows it is one of many thousands. */
  readonly from?: number
}

const PROCESS_BATCH = '/src/pipeline/process-batch.ts'
const CHECKPOINTED_STORE = '/src/pipeline/checkpointed-store.ts'
const PARTITION_PROGRESS = '/src/pipeline/partition-progress.ts'
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
    name: 'the offset is committed before the merge',
    file: PROCESS_BATCH,
    find: '  const patches = [',
    replace: '  await context.commit(next)\n  const patches = [',
  },
  {
    name: 'the offset is committed before the dead letters',
    file: PROCESS_BATCH,
    find: '  if (letters.length > 0) await',
    replace: '  await context.commit(next)\n  if (letters.length > 0) await',
  },
  {
    name: 'dead letters are not awaited',
    file: PROCESS_BATCH,
    find: 'await waitOut(() => deadLetters.write(letters), context, retry)',
    replace: 'waitOut(() => deadLetters.write(letters), context, retry).catch(() => {})',
  },
  {
    name: 'a refused dead letter is let go',
    file: PROCESS_BATCH,
    find: 'deadLetters.write(letters)',
    replace: 'deadLetters.write(letters).catch(() => {})',
  },
  {
    name: 'a conflict is not dead-lettered',
    file: PROCESS_BATCH,
    find: '...conflicted(batch, next, conflicts, decoder, nowMs)',
    replace: '',
  },
  {
    name: 'an event counts only for the last of its group in a batch',
    file: PROCESS_BATCH,
    find: '      folded.accepted++\n',
    replace: '      folded.accepted++\n      folded.patches.delete(decoded.groupId)\n',
  },
  {
    name: 'the committed offset is one too far',
    file: FETCHED_BATCH,
    find: 'BigInt(batch.lastOffset()) + 1n',
    replace: 'BigInt(batch.lastOffset()) + 2n',
  },
  {
    name: 'the committed offset leaves out what follows the last record',
    file: FETCHED_BATCH,
    find: 'BigInt(batch.lastOffset()) + 1n',
    replace: "BigInt(records.at(-1)?.offset ?? '-1') + 1n",
  },
  {
    name: 'a batch goes on after a rebalance, under the new generation',
    file: BATCH_CONTEXT,
    find: 'partitions.generation !== generation',
    replace: 'false',
  },
  {
    name: 'a batch does not wait for its turn',
    file: PROCESS_BATCH,
    find: '  await context.turn()\n',
    replace: '  context.turn().catch(() => {})\n',
  },
  {
    name: 'a batch goes on although the one before was given up',
    file: BATCHES_IN_FLIGHT,
    find: 'const outcome = await before\n',
    replace: "const outcome = (await before) && ('durable' as Outcome)\n",
  },
  {
    name: 'behind a batch that is read again, all are, also once the partition is read elsewhere',
    file: BATCHES_IN_FLIGHT,
    find: "outcome === 'read again' ? 'durable' : outcome",
    replace: 'outcome',
  },
  {
    name: 'a batch waits for those of a former assignment',
    file: BATCHES_IN_FLIGHT,
    find: '    this.latest = new Map()\n',
    replace: '',
  },
  {
    name: 'a place in hand is not given back where a batch is given up',
    file: BATCHES_IN_FLIGHT,
    find: '.finally(() => {\n      decoded()\n',
    replace:
      ".then((outcome) => {\n      if (outcome !== 'durable') return outcome\n      decoded()\n",
  },
  {
    name: 'what fails behind kafkajs is told to nobody',
    file: BATCH_HANDLER,
    find: '} else if (isOurs) {',
    replace: '} else if (false) {',
  },
  {
    name: 'what fails behind kafkajs is told only at the next batch',
    file: BATCH_HANDLER,
    find: '    if (!isOfRebalance(error)) handler.onFailed(error)\n',
    replace: '',
  },
  {
    name: 'the metadata of commits is forgotten',
    file: BATCH_CONTEXT,
    find: 'metadata = commitMetadata(topicId)',
    replace: "metadata = ''",
  },
  {
    name: 'an outage in the merge is taken for success',
    file: RETRY,
    find: '      rules.onUnavailable(error)\n',
    replace: '      rules.onUnavailable(error)\n      return [] as Result\n',
  },
  {
    name: 'nobody heartbeats while something is awaited',
    file: RETRY,
    find: '    await context.heartbeat()\n',
    replace: '',
  },
  {
    name: 'of a merge that fails, the error is swallowed',
    file: CHECKPOINTED_STORE,
    find: 'await store.merge(patches)',
    replace: 'await store.merge(patches).catch(() => [])',
  },
  {
    name: 'the checkpoint is written before the merge',
    file: CHECKPOINTED_STORE,
    find: '      const conflicts = await store.merge(patches)\n',
    replace:
      '      const early = await checkpoints.compareAndSet(partition, seen, greater(next, seen?.next))\n' +
      '      if (early === undefined) continue\n' +
      '      progress.set(partition, { applied, seen: early, isRewound: false })\n' +
      '      const conflicts = await store.merge(patches)\n' +
      '      return conflicts\n',
  },
  {
    name: 'a new connection in the middle of a batch is ignored',
    file: CHECKPOINTED_STORE,
    find: 'store.connection !== connection',
    replace: 'false',
    from: 19_001,
  },
  {
    name: 'a checkpoint that another moved is taken for set',
    file: CHECKPOINTED_STORE,
    find: '      await this.checkAgain()\n    }\n  }\n',
    replace: '      return conflicts\n    }\n  }\n',
  },
  {
    name: 'the checkpoint is never compared',
    file: PARTITION_PROGRESS,
    find: 'checkpoint?.next === undefined || checkpoint.next < applied',
    replace: 'false',
  },
  {
    name: 'a missing checkpoint is taken for a first start',
    file: PARTITION_PROGRESS,
    find: 'checkpoint?.next === undefined || checkpoint.next < applied',
    replace: 'checkpoint?.next !== undefined && checkpoint.next < applied',
  },
  {
    name: 'reading does not go back after a loss',
    file: CHECKPOINTED_STORE,
    find: '      this.seek(partition, from)\n',
    replace: '',
  },
  {
    name: 'reading goes back to where it was, not to the checkpoint',
    file: CHECKPOINTED_STORE,
    find: 'const from = greater(checkpoint?.next ?? 0n, at?.start)',
    replace: 'const from = at?.end ?? applied',
  },
  {
    name: 'batches fetched before a seek are applied',
    file: CHECKPOINTED_STORE,
    find: 'if (fetchOffset <= partitionProgress.applied) return partitionProgress',
    replace: 'return partitionProgress',
  },
  {
    name: 'an offset set by hand is taken for a loss',
    file: PARTITION_PROGRESS,
    find: 'if (offsets?.committed === undefined) return undefined',
    replace: 'if (offsets?.committed === undefined) return offsets?.next',
  },
  {
    name: "another worker's progress is taken for a loss",
    file: PARTITION_PROGRESS,
    find: '(requiredOffset(at) ?? 0n) > loss.from',
    replace: 'loss.applied > loss.from',
  },
  {
    name: 'the checkpoints are not checked between batches',
    file: STATE_WATCH,
    find: 'store.connection === checkedConnection && ticks % CHECK_EVERY_TICKS !== 0',
    replace: 'ticks > 0',
  },
  {
    name: 'at equal clocks, what comes later wins',
    file: TRAIT_STATES,
    find: 'compareStored(value, current.value) > 0',
    replace: 'true',
  },
  {
    name: 'at equal clocks, what comes first wins',
    file: TRAIT_STATES,
    find: '(clock === current.clock && compareStored(value, current.value) > 0)',
    replace: 'false',
  },
  {
    name: 'a leaver wins over a member of the same clock',
    file: MEMBERSHIPS,
    find: '(clock === over && member && !overMember)',
    replace: '(clock === over && !member)',
  },
  {
    name: 'the floor of an erasure is ignored by Redis',
    file: MERGE,
    find: 'if (clock > into.erasedAt) into.traits.merge',
    replace: 'into.traits.merge',
  },
  {
    name: 'an erasure forgets its floor',
    file: MERGE,
    find: '  state.erasedAt = clock\n',
    replace: '',
  },
]
