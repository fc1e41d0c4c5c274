import { createDecoder } from '../domain/decode.ts'
import type { Health } from '../http/health.ts'
import { createOperationsServer } from '../http/operations.ts'
import type { HandleBatch } from '../kafka/batch-handler.ts'
import { type RunningConsumer, startConsumer } from '../kafka/consumer.ts'
import { createDeadLetterTopic } from '../kafka/dead-letter-topic.ts'
import { readOffsets } from '../kafka/offsets.ts'
import { checkTopics, ensureDeadLetterTopic } from '../kafka/topics.ts'
import { type Loss, MarkedStore } from '../pipeline/marked-store.ts'
import { Refused, Unavailable } from '../pipeline/outage.ts'
import type { DeadLetterTopic, Log, PartitionSource } from '../pipeline/ports.ts'
import { processBatch } from '../pipeline/process-batch.ts'
import { openAppliedMarks } from '../redis/applied-marks.ts'
import { openRedis } from '../redis/connection.ts'
import { openGroupStore } from '../redis/group-store.ts'
import { checkServer } from '../redis/server-check.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import type { Config } from './config.ts'
import { tameHeap } from './heap.ts'
import { runUntilSignalled, untilAborted } from './life-cycle.ts'
import { OutageBoard } from './outage-board.ts'
import { watchState } from './state-watch.ts'
import { retryRules, waitAtStart } from './waiting.ts'

/** Runs a worker until a signal ends it; returns the exit code. */
export function runWorker(config: Config, log: Log): Promise<number> {
  tameHeap()
  const { shutdownTimeoutMs } = config.worker
  return runUntilSignalled((signal) => work(config, log, signal), { shutdownTimeoutMs, log })
}

/**
 * Opens everything, top down, works until the signal, and closes it all again.
 *
 * @param onStarted told once the worker reads, with the address of its operations server
 * @throws Refused where waiting would not help; any bug
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
  let endWatch = () => {}
  const operations = createOperationsServer({
    ...config.http,
    log,
    health: () => healthOf(outages, consumer),
    metrics: () => {
      metrics.setStoppedPartitions(stoppedPartitions(consumer).length)
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
    const store = new MarkedStore({
      store: groups,
      marks: openAppliedMarks(redis, kafka.topic, kafka.groupId),
      source: sourceOf(config, log, () => consumer),
      onLostState: worker.onLostState,
      onLoss: (losses) => tellLoss(losses, log, metrics),
    })
    const look = () => store.look()
    endWatch = watchState(groups, look)
    consumer = startConsumer({
      settings: kafka,
      log,
      handle: batchHandler(config, store, deadLetters, outages, metrics),
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
    await untilEnded(consumer, store, signal)
  } finally {
    endWatch()
    await consumer?.stop(worker.shutdownTimeoutMs)
    await deadLetters.close()
    redis.close()
    await operations.close()
    log.info({}, 'the worker has stopped')
  }
}

function batchHandler(
  config: Config,
  store: MarkedStore,
  deadLetters: DeadLetterTopic,
  outages: OutageBoard,
  metrics: Metrics,
): HandleBatch {
  const pipeline = {
    decoder: createDecoder(config.events),
    store,
    deadLetters,
    retry: retryRules(outages, 'batch', config.kafka.sessionTimeoutMs),
    now: Date.now,
    elapsed: () => performance.now(),
  }
  return async (batch, lease) => metrics.observeBatch(await processBatch(batch, lease, pipeline))
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
        // once it runs, what Kafka refuses is waited out like an outage
        if (error instanceof Refused) throw new Unavailable('kafka', error.message)
        throw error
      }
    },
  }
}

function tellLoss(losses: readonly Loss[], log: Log, metrics: Metrics): void {
  metrics.countLosses(losses.length)
  const partitions = losses.map(({ partition, mark, applied, from }) => {
    const gone = from - (mark ?? 0n)
    return {
      partition,
      appliedUpTo: String(applied),
      redisHas: String(mark ?? 'nothing'),
      ...(gone > 0n && { goneFromTopic: String(gone) }),
    }
  })
  const gone = partitions.filter(({ goneFromTopic }) => goneFromTopic !== undefined)
  log.error(
    { partitions },
    'Redis lost writes that it had acknowledged (a flush, an older snapshot, a failover?): ' +
      `reading ${partitions.map(({ partition }) => partition).join(', ')} again from where it stands` +
      (gone.length > 0 ? '; the topic no longer holds all of it, and what is gone stays lost' : ''),
  )
}

async function untilEnded(
  consumer: RunningConsumer,
  store: MarkedStore,
  signal: AbortSignal,
): Promise<void> {
  const failure = await Promise.race([consumer.ended, store.failed, untilAborted(signal)])
  if (failure !== undefined) throw failure
}

/** Live even during an outage, for a restart would not end it. */
function healthOf(outages: OutageBoard, consumer: RunningConsumer | undefined): Health {
  const dependencies = outages.states()
  const stopped = stoppedPartitions(consumer)
  const reading = {
    name: 'consumer',
    ok: consumer?.state().isReading === true && stopped.length === 0,
    ...(stopped.length > 0 && { detail: stopped.join('; ') }),
  }
  const parts = [...dependencies, reading]
  return { live: true, ready: parts.every(({ ok }) => ok), parts }
}

function stoppedPartitions(consumer: RunningConsumer | undefined): string[] {
  const partitions = consumer?.state().partitions ?? []
  return partitions.flatMap(({ stopped }) => stopped?.message ?? [])
}
