import { setImmediate as yieldLoop } from 'node:timers/promises'
import { createDecoder } from '../domain/event/decode.ts'
import { createOperationsServer } from '../http/operations.ts'
import type { HandleBatch } from '../kafka/consumer/batch-handler.ts'
import { type RunningConsumer, startConsumer } from '../kafka/consumer/consumer.ts'
import { createDeadLetterTopic } from '../kafka/producer/dead-letter-topic.ts'
import { readOffsets } from '../kafka/topics/offsets.ts'
import { checkTopics, ensureDeadLetterTopic } from '../kafka/topics/topics.ts'
import { CheckpointedStore } from '../pipeline/checkpointed-store.ts'
import { asOutage } from '../pipeline/errors.ts'
import type { Loss } from '../pipeline/partition-progress.ts'
import type { DeadLetterTopic, Log, PartitionSource } from '../pipeline/ports.ts'
import { processBatch } from '../pipeline/process-batch.ts'
import { openCheckpoints } from '../redis/checkpoint/checkpoints.ts'
import { openRedis } from '../redis/connection/connection.ts'
import { checkServer } from '../redis/connection/server-check.ts'
import { openGroupStore } from '../redis/writing/group-store.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { BatchWaits } from './batch-waits.ts'
import type { Config } from './config/config.ts'
import { tameHeap } from './heap.ts'
import { endAfter, runUntilSignalled, untilAborted } from './life-cycle.ts'
import { OutageBoard } from './outage-board.ts'
import { retryRules, waitAtStart } from './waiting.ts'
import { eventLoopLimit, watchEventLoop } from './watch/event-loop-watch.ts'
import { watchState } from './watch/state-watch.ts'
import { startWatchdog, type Watchdog } from './watch/watchdog.ts'
import { healthOf, updateMetrics, type Vitals } from './worker-health.ts'

/** Runs a worker until a signal ends it; returns the exit code. */
export async function runWorker(config: Config, log: Log): Promise<number> {
  tameHeap()
  const { shutdownTimeoutMs } = config.worker
  const endWatch = watchEventLoop(eventLoopLimit(config.kafka.maxBatchBytes), config.log, log)
  try {
    return await runUntilSignalled((signal) => work(config, log, signal), {
      shutdownTimeoutMs,
      log,
    })
  } finally {
    await endWatch()
  }
}

/**
 * Opens everything, top down, works until the signal, and closes it all again.
 *
 * @param onStarted told once the worker reads, with the address of its operations server
 * @throws NotRetriable where waiting would not help; any bug
 */
export async function work(
  config: Config,
  log: Log,
  signal: AbortSignal,
  onStarted: (operationsUrl: string) => void = () => {},
): Promise<void> {
  const { kafka, worker } = config
  const metrics = createMetrics(Date.now)
  const outages = new OutageBoard(['kafka', 'redis'], log, Date.now, metrics.setUp)
  const redis = openRedis(config.redis, log, (state) => {
    if (state.ready) outages.back('redis', 'connection')
    else outages.away('redis', 'connection', state.detail)
  })
  const deadLetters = createDeadLetterTopic(kafka, log)
  let consumer: RunningConsumer | undefined
  let watchdog: Watchdog | undefined
  let failure: Error | undefined
  let endWatch = () => {}
  let hasEndedInTime = () => {}
  const vitals = (): Vitals => ({ topic: kafka.topic, outages, consumer, watchdog, failure })
  const operations = createOperationsServer({
    ...config.http,
    log,
    health: () => healthOf(vitals()),
    metrics: () => {
      updateMetrics(metrics, vitals())
      return metrics.scrape()
    },
  })

  try {
    const { url } = await operations.listen()
    log.info({ url, topic: kafka.topic, group: kafka.groupId }, 'the worker starts')
    await waitAtStart('redis', () => checkServer(redis), outages, signal)
    await waitAtStart('kafka', () => checkTopics(kafka, log), outages, signal)
    await waitAtStart('kafka', () => ensureDeadLetterTopic(kafka, log), outages, signal)
    if (signal.aborted) return
    const groups = openGroupStore(redis)
    const source = sourceOf(config, log, () => consumer)
    const store = new CheckpointedStore({
      store: groups,
      checkpoints: openCheckpoints(redis, kafka.topic, kafka.groupId),
      source,
      onLostState: worker.onLostState,
      onLoss: (losses) => reportLoss(losses, worker.onLostState, log, metrics),
    })
    const rules = retryRules(outages, 'batch', kafka.sessionTimeoutMs)
    const waits = new BatchWaits(rules, outages)
    const look = async () => {
      await store.check()
      waits.clearBoard()
    }
    endWatch = watchState(groups, look)
    watchdog = startWatchdog({
      topic: kafka.topic,
      limitMs: worker.stallTimeoutMs,
      partitions: () => consumer?.state().partitions ?? [],
      readOffsets: source.offsets,
      isAway: () => outages.states().some(({ ok }) => !ok),
      log,
      now: Date.now,
      elapsed: () => performance.now(),
    })
    consumer = startConsumer({
      settings: kafka,
      log,
      handle: watchdog.watching(batchHandler(config, store, deadLetters, waits, metrics)),
      onEvent: (event) => {
        if (event.kind === 'lost') outages.away('kafka', 'connection', event.outage.message)
        if (event.kind === 'back') outages.back('kafka', 'connection')
        if (event.kind === 'reset') store.forget(event.partition)
        if (event.kind !== 'assigned') return
        metrics.keepPartitions(kafka.topic, event.partitions)
        store.assign(event.partitions)
        // an outage is found by the batches as well, which wait it out
        if (event.partitions.length > 0) look().catch(() => {})
      },
    })
    onStarted(url)
    const ending = [consumer.ended, store.failed, watchdog.expired]
    failure = await Promise.race([...ending, untilAborted(signal)])
    if (failure === undefined && !signal.aborted) failure = new Error('the consumer ended unasked')
    if (failure !== undefined) throw failure
  } catch (error) {
    // what failed may also hang when it is closed
    hasEndedInTime = endAfter(worker.shutdownTimeoutMs, log, error)
    throw error
  } finally {
    endWatch()
    watchdog?.end()
    await consumer?.stop(worker.shutdownTimeoutMs / (failure === undefined ? 1 : 2))
    await deadLetters.close()
    redis.close()
    await operations.close()
    hasEndedInTime()
    log.info({}, 'the worker has stopped')
  }
}

function batchHandler(
  config: Config,
  store: CheckpointedStore,
  deadLetterTopic: DeadLetterTopic,
  waits: BatchWaits,
  metrics: Metrics,
): HandleBatch {
  const pipeline = {
    decoder: createDecoder(config.events),
    store,
    deadLetterTopic,
    now: Date.now,
    elapsed: () => performance.now(),
    recordsPerYield: 128,
    yieldLoop,
  }
  return async (batch, context) => {
    const report = await waits.during((retry) =>
      processBatch(batch, context, { ...pipeline, retry }),
    )
    metrics.observeBatch(report)
  }
}

function sourceOf(
  { kafka }: Config,
  log: Log,
  consumer: () => RunningConsumer | undefined,
): PartitionSource {
  return {
    seek: (partition, offset) => consumer()?.seek(partition, offset),
    offsets: async () => {
      try {
        return await readOffsets(kafka, log)
      } catch (error) {
        throw asOutage(error)
      }
    },
  }
}

function reportLoss(
  losses: readonly Loss[],
  onLostState: Config['worker']['onLostState'],
  log: Log,
  metrics: Metrics,
): void {
  metrics.countLosses(losses.length)
  const partitions = losses.map(({ partition, checkpoint, applied, from }) => {
    const gone = from - (checkpoint ?? 0n)
    return {
      partition,
      appliedUpTo: String(applied),
      redisHas: String(checkpoint ?? 'nothing'),
      ...(gone > 0n && { goneFromTopic: String(gone) }),
    }
  })
  const names = partitions.map(({ partition }) => partition).join(', ')
  const isGone = partitions.some(({ goneFromTopic }) => goneFromTopic !== undefined)
  log.error(
    { partitions },
    'Redis lost writes that it had acknowledged (a flush, an older snapshot, a failover?): ' +
      (onLostState === 'stop'
        ? `partitions ${names} are left as they stand`
        : `reading partitions ${names} again from where it stands`) +
      (isGone ? '; the topic no longer holds all of it, and what is gone stays lost' : ''),
  )
}
