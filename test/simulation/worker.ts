/**
 * Models a worker: the real pipeline, wired as src/app/worker.ts does, on the simulated Kafka,
 * Redis and clock.
 *
 * Left out: configuration, HTTP, metrics, logging.
 */
import { watchState } from '../../src/app/watch/state-watch.ts'
import { createDecoder } from '../../src/domain/event/decode.ts'
import type { HandleBatch } from '../../src/kafka/consumer/batch-handler.ts'
import { CheckpointedStore } from '../../src/pipeline/checkpointed-store.ts'
import type { Loss } from '../../src/pipeline/loss-detection.ts'
import { processBatch } from '../../src/pipeline/process-batch.ts'
import { DEFAULT_RULES } from '../setup/domain/decode-rules.ts'
import { Consumer } from './consumer.ts'
import { SESSION_TIMEOUT_MS } from './coordinator.ts'
import { type Kafka, KafkaClient } from './kafka.ts'
import type { Link } from './network.ts'
import type { PlannedMessage } from './payload.ts'
import { Process } from './process.ts'
import { EPOCH_MS } from './records.ts'
import type { Redis } from './redis.ts'
import { RedisClient } from './redis-client.ts'
import type { Scheduler } from './scheduler.ts'

export interface WorkerOptions {
  readonly scheduler: Scheduler
  readonly kafka: Kafka
  readonly redis: Redis
  readonly linkToKafka: Link
  readonly linkToRedis: Link
  readonly concurrency: number
  readonly onLoss: (worker: Worker, losses: readonly Loss[]) => void
  /** Called when a worker ends by itself. */
  readonly onFailed: (worker: Worker, error: Error) => void
  readonly onAssigned: (worker: Worker) => void
  readonly onSeek: (partition: number) => void
}

export class Worker {
  readonly process: Process
  readonly consumer: Consumer
  readonly redis: RedisClient
  /** The batches in flight, each with the topic that it was fetched from; -1: unknown. */
  readonly inFlight = new Set<{ readonly partition: number; readonly topicId: number }>()

  constructor(name: string, options: WorkerOptions) {
    const { scheduler } = options
    this.process = new Process(name, scheduler)
    const kafka = new KafkaClient(this.process, options.kafka, options.linkToKafka)
    this.redis = new RedisClient(this.process, options.redis, options.linkToRedis)
    const store = this.createStore(kafka, options)
    const look = () => store.check()
    this.process.withIntervals(() => watchState(this.redis.store, look))
    this.consumer = new Consumer({
      client: kafka,
      concurrency: options.concurrency,
      log: SILENT,
      handle: this.handler(store, kafka),
      onEvent: (event) => {
        if (event.kind === 'reset') store.forget(event.partition)
        if (event.kind !== 'assigned') return
        scheduler.trace(`${name} is assigned ${event.partitions.join(' ')}`)
        options.onAssigned(this)
        store.assign(event.partitions)
        if (event.partitions.length > 0) look().catch(() => {})
      },
      onFailed: (error) => options.onFailed(this, error),
    })
    store.failed.then((error) => options.onFailed(this, error))
    this.consumer.run().then(
      () => this.process.kill(),
      (error) => options.onFailed(this, error),
    )
  }

  stop(): void {
    this.consumer.stop()
  }

  private createStore(kafka: KafkaClient, options: WorkerOptions): CheckpointedStore {
    const { name, scheduler } = this.process
    return new CheckpointedStore({
      store: this.redis.store,
      checkpoints: this.redis.checkpoints,
      source: {
        offsets: () => kafka.offsets(),
        seek: (partition, offset) => {
          scheduler.trace(`${name} seeks ${partition}:${offset}`)
          options.onSeek(partition)
          this.consumer.seek(partition, offset)
        },
      },
      onLostState: 'replay',
      onLoss: (losses) => options.onLoss(this, losses),
    })
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
      const inFlight = { partition: batch.partition, topicId: first?.topicId ?? -1 }
      this.inFlight.add(inFlight)
      try {
        await processBatch(batch, context, pipeline)
      } finally {
        this.inFlight.delete(inFlight)
      }
    }
  }
}

const quiet = () => {}
const SILENT = { debug: quiet, info: quiet, warn: quiet, error: quiet, fatal: quiet }
