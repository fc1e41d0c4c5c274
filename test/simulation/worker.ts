/** A worker: the pipeline put together as src/app/worker.ts does, on what is simulated. */
import { watchState } from '../../src/app/watch/state-watch.ts'
import { createDecoder } from '../../src/domain/event/decode.ts'
import type { HandleBatch } from '../../src/kafka/consumer/batch-handler.ts'
import { CheckpointedStore } from '../../src/pipeline/checkpointed-store.ts'
import type { Loss } from '../../src/pipeline/partition-progress.ts'
import { processBatch } from '../../src/pipeline/process-batch.ts'
import { DEFAULT_RULES } from '../setup/decode-rules.ts'
import { Consumer } from './consumer.ts'
import { SESSION_TIMEOUT_MS } from './coordinator.ts'
import { type Kafka, KafkaClient } from './kafka.ts'
import type { Way } from './network.ts'
import type { PlannedMessage } from './payload.ts'
import { Process } from './process.ts'
import { EPOCH_MS } from './records.ts'
import type { Redis } from './redis.ts'
import { RedisClient } from './redis-client.ts'
import type { Scheduler } from './scheduler.ts'

export interface Surroundings {
  readonly scheduler: Scheduler
  readonly kafka: Kafka
  readonly redis: Redis
  readonly wayToKafka: Way
  readonly wayToRedis: Way
  readonly concurrency: number
  readonly onLoss: (worker: Worker, losses: readonly Loss[]) => void
  /** Told where a worker ended by itself. */
  readonly onFailed: (worker: Worker, error: Error) => void
  readonly onAssigned: (worker: Worker) => void
  readonly onSeek: (partition: number) => void
}

export class Worker {
  readonly process: Process
  readonly consumer: Consumer
  readonly redis: RedisClient
  /** Of each batch in hand: the topic that it was fetched from; -1: unknown. */
  readonly inFlight = new Set<{ readonly partition: number; readonly incarnation: number }>()

  constructor(name: string, around: Surroundings) {
    const { scheduler } = around
    this.process = new Process(name, scheduler)
    const kafka = new KafkaClient(this.process, around.kafka, around.wayToKafka)
    this.redis = new RedisClient(this.process, around.redis, around.wayToRedis)
    const store = new CheckpointedStore({
      store: this.redis.store,
      checkpoints: this.redis.checkpoints,
      source: {
        offsets: () => kafka.offsets(),
        seek: (partition, offset) => {
          scheduler.note(`${name} seeks ${partition}:${offset}`)
          around.onSeek(partition)
          this.consumer.seek(partition, offset)
        },
      },
      onLostState: 'replay',
      onLoss: (losses) => around.onLoss(this, losses),
    })
    const look = () => store.check()
    this.process.withIntervals(() => watchState(this.redis.store, look))
    this.consumer = new Consumer({
      client: kafka,
      concurrency: around.concurrency,
      log: SILENT,
      handle: this.handler(store, kafka),
      onEvent: (event) => {
        if (event.kind === 'reset') store.forget(event.partition)
        if (event.kind !== 'assigned') return
        scheduler.note(`${name} is assigned ${event.partitions.join(' ')}`)
        around.onAssigned(this)
        store.assign(event.partitions)
        if (event.partitions.length > 0) look().catch(() => {})
      },
      onFailed: (error) => around.onFailed(this, error),
    })
    store.failed.then((error) => around.onFailed(this, error))
    this.consumer.live().then(
      () => this.process.kill(),
      (error) => around.onFailed(this, error),
    )
  }

  stop(): void {
    this.consumer.stop()
  }

  private handler(store: CheckpointedStore, kafka: KafkaClient): HandleBatch {
    const { scheduler, sleep } = this.process
    const pipeline = {
      decoder: createDecoder(DEFAULT_RULES),
      store,
      deadLetterTopic: kafka.deadLetters,
      retry: {
        firstDelayMs: 100,
        maxDelayMs: 3000,
        heartbeatMs: SESSION_TIMEOUT_MS / 10,
        random: scheduler.chance.random,
        sleep,
        onUnavailable: () => {},
        onAvailable: () => {},
      },
      now: () => EPOCH_MS + scheduler.nowMs,
      elapsed: () => scheduler.nowMs,
      recordsPerYield: 3,
      yieldLoop: () => sleep(scheduler.chance.within(0, 20)),
    }
    return async (batch, context) => {
      const [first] = batch.records as readonly PlannedMessage[]
      const own = { partition: batch.partition, incarnation: first?.incarnation ?? -1 }
      this.inFlight.add(own)
      try {
        await processBatch(batch, context, pipeline)
      } finally {
        this.inFlight.delete(own)
      }
    }
  }
}

const quiet = () => {}
const SILENT = { debug: quiet, info: quiet, warn: quiet, error: quiet, fatal: quiet }
