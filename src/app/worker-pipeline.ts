import { setImmediate as yieldLoop } from 'node:timers/promises'
import { createDecoder } from '../domain/event/decode.ts'
import type { HandleBatch } from '../kafka/consumer/batch-handler.ts'
import { readOffsets } from '../kafka/topics/offsets.ts'
import { CheckpointedStore } from '../pipeline/checkpointed-store.ts'
import { asOutage } from '../pipeline/errors.ts'
import type {
  DeadLetterTopic,
  GroupStore,
  Log,
  PartitionOffsets,
  PartitionSource,
} from '../pipeline/ports.ts'
import { processBatch } from '../pipeline/process-batch.ts'
import { openCheckpoints } from '../redis/checkpoint/checkpoints.ts'
import type { RedisConnection } from '../redis/connection/connection.ts'
import { openGroupStore } from '../redis/writing/group-store.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { BatchWaits } from './batch-waits.ts'
import type { Config } from './config/config.ts'
import { reportLosses } from './loss-report.ts'
import type { OutageBoard } from './outage-board.ts'
import { retryRules } from './retries.ts'

export interface WorkerPipelineOptions {
  readonly config: Config
  readonly log: Log
  readonly metrics: Metrics
  readonly outages: OutageBoard
  readonly redis: RedisConnection
  readonly deadLetters: DeadLetterTopic
  readonly seek: PartitionSource['seek']
}

/** What the worker's consumer and its checks call. */
export interface WorkerPipeline {
  readonly groupStore: GroupStore
  readonly checkpointedStore: CheckpointedStore
  /** Processes one batch, and retries during outages. */
  readonly handle: HandleBatch
  /** @throws Unavailable, even if Kafka withdrew a right (see `asOutage`) */
  readonly readOffsets: () => Promise<readonly PartitionOffsets[]>
  /**
   * Compares the checkpoints in Redis with what this worker knows to be applied, and rewinds the
   * partitions whose checkpoint is behind. Then it clears the outages that no batch waits for.
   *
   * @throws Unavailable; Abandoned if the worker cannot go on
   */
  readonly checkState: () => Promise<void>
}

/** Connects the consumer's batches to the groups, the checkpoints and the dead letters. */
export function createWorkerPipeline(options: WorkerPipelineOptions): WorkerPipeline {
  const { config, log, metrics, outages, redis, seek } = options
  const { kafka, worker } = config
  const groupStore = openGroupStore(redis)
  const source = createSource(config, log, seek)
  const checkpointedStore = new CheckpointedStore({
    store: groupStore,
    checkpoints: openCheckpoints(redis, kafka.topic, kafka.groupId),
    source,
    onLostState: worker.onLostState,
    onLoss: (losses) => {
      metrics.countLosses(losses.length)
      reportLosses(losses, worker.onLostState, log)
    },
  })
  const waits = new BatchWaits(retryRules(outages, 'batch', kafka.sessionTimeoutMs), outages)
  return {
    groupStore,
    checkpointedStore,
    handle: createHandler(options, checkpointedStore, waits),
    readOffsets: source.offsets,
    checkState: async () => {
      await checkpointedStore.check()
      waits.clearBoard()
    },
  }
}

/** After this many records `processBatch` lets the event loop run. */
const RECORDS_PER_YIELD = 128

function createHandler(
  { config, deadLetters, metrics }: WorkerPipelineOptions,
  store: CheckpointedStore,
  waits: BatchWaits,
): HandleBatch {
  const pipeline = {
    decoder: createDecoder(config.events),
    store,
    deadLetterTopic: deadLetters,
    now: Date.now,
    elapsed: () => performance.now(),
    recordsPerYield: RECORDS_PER_YIELD,
    yieldLoop,
  }
  return async (batch, context) => {
    const report = await waits.during((retry) =>
      processBatch(batch, context, { ...pipeline, retry }),
    )
    metrics.observeBatch(report)
  }
}

function createSource({ kafka }: Config, log: Log, seek: PartitionSource['seek']): PartitionSource {
  return {
    seek,
    offsets: async () => {
      try {
        return await readOffsets(kafka, log)
      } catch (error) {
        throw asOutage(error)
      }
    },
  }
}
