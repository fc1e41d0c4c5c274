import { createOperationsServer } from '../http/operations.ts'
import type { HttpServer } from '../http/server.ts'
import { type ConsumerEvent, startConsumer } from '../kafka/consumer/consumer.ts'
import { createDeadLetterTopic } from '../kafka/producer/dead-letter-topic.ts'
import { checkTopics, ensureDeadLetterTopic } from '../kafka/topics/topics.ts'
import type { Log } from '../pipeline/ports.ts'
import { openRedis, type RedisConnection } from '../redis/connection/connection.ts'
import { checkServer } from '../redis/connection/server-check.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import type { Config } from './config/config.ts'
import { keepHeapSmall } from './heap.ts'
import { endAfter, untilAborted } from './life-cycle.ts'
import { OutageBoard } from './outage-board.ts'
import { retryAtStart } from './retries.ts'
import { runService } from './run-service.ts'
import { watchState } from './watch/state-watch.ts'
import { startWatchdog } from './watch/watchdog.ts'
import { healthOf, updateMetrics, type Vitals } from './worker-health.ts'
import { createWorkerPipeline, type WorkerPipeline } from './worker-pipeline.ts'

/** Runs a worker until a signal ends it. Returns the exit code. */
export async function runWorker(config: Config, log: Log): Promise<number> {
  keepHeapSmall()
  return await runService(config, log, config.kafka.maxBatchBytes, work)
}

/**
 * Opens everything, works until the signal, and closes everything again.
 *
 * @param onStarted called once the consumer is started, with the address of the operations server
 * @throws NotRetriable if retrying would not help; any bug
 */
export async function work(
  config: Config,
  log: Log,
  signal: AbortSignal,
  onStarted: (operationsUrl: string) => void = () => {},
): Promise<void> {
  const worker = openWorker(config, log)
  const operations = createOperations(worker)
  let cancelDeadline = () => {}
  try {
    const { url } = await operations.listen()
    log.info({ url, topic: config.kafka.topic, group: config.kafka.groupId }, 'the worker starts')
    await checkDependencies(worker, signal)
    if (signal.aborted) return
    const endings = start(worker)
    onStarted(url)
    await untilEnd(worker, endings, signal)
  } catch (error) {
    // Whatever failed may also hang while it is closed.
    cancelDeadline = endAfter(config.worker.shutdownTimeoutMs, log, error)
    throw error
  } finally {
    await close(worker, operations)
    cancelDeadline()
    log.info({}, 'the worker has stopped')
  }
}

/** What a worker holds. `start` sets the consumer, the watchdog and the state watch. */
interface Worker extends Vitals {
  readonly config: Config
  readonly log: Log
  readonly metrics: Metrics
  readonly redis: RedisConnection
  readonly deadLetters: ReturnType<typeof createDeadLetterTopic>
  endStateWatch: () => void
}

function openWorker(config: Config, log: Log): Worker {
  const metrics = createMetrics(Date.now)
  const outages = new OutageBoard(['kafka', 'redis'], log, Date.now, metrics.setUp)
  const redis = openRedis(config.redis, log, (state) => {
    if (state.ready) outages.back('redis', 'connection')
    else outages.away('redis', 'connection', state.detail)
  })
  const deadLetters = createDeadLetterTopic(config.kafka, log)
  return {
    ...{ config, log, metrics, outages, redis, deadLetters },
    topic: config.kafka.topic,
    consumer: undefined,
    watchdog: undefined,
    failure: undefined,
    endStateWatch: () => {},
  }
}

function createOperations(worker: Worker): HttpServer {
  const { config, log, metrics } = worker
  return createOperationsServer({
    ...config.http,
    log,
    health: () => healthOf(worker),
    metrics: () => {
      updateMetrics(metrics, worker)
      return metrics.scrape()
    },
  })
}

/** Retries each check until its server is available, or until the signal. */
async function checkDependencies(worker: Worker, signal: AbortSignal): Promise<void> {
  const { config, log, redis, outages } = worker
  const { kafka } = config
  await retryAtStart('redis', () => checkServer(redis), outages, signal)
  await retryAtStart('kafka', () => checkTopics(kafka, log), outages, signal)
  await retryAtStart('kafka', () => ensureDeadLetterTopic(kafka, log), outages, signal)
}

/** One of these resolves when the work ends by itself: to the reason, or to undefined. */
type Endings = readonly Promise<Error | undefined>[]

function start(worker: Worker): Endings {
  const { config, log, outages } = worker
  const pipeline = createWorkerPipeline({
    ...worker,
    seek: (partition, offset) => worker.consumer?.seek(partition, offset),
  })
  worker.endStateWatch = watchState(pipeline.groupStore, pipeline.checkState)
  const watchdog = startWatchdog({
    topic: worker.topic,
    limitMs: config.worker.stallTimeoutMs,
    partitions: () => worker.consumer?.state().partitions ?? [],
    readOffsets: pipeline.readOffsets,
    isAway: () => outages.states().some(({ ok }) => !ok),
    log,
    now: Date.now,
    elapsed: () => performance.now(),
  })
  worker.watchdog = watchdog
  const consumer = startConsumer({
    settings: config.kafka,
    log,
    handle: watchdog.watching(pipeline.handle),
    onEvent: (event) => followConsumer(event, worker, pipeline),
  })
  worker.consumer = consumer
  return [consumer.ended, pipeline.checkpointedStore.failed, watchdog.expired]
}

function followConsumer(
  event: ConsumerEvent,
  { topic, outages, metrics }: Worker,
  { checkpointedStore, checkState }: WorkerPipeline,
): void {
  switch (event.kind) {
    case 'outage':
      outages.away('kafka', 'connection', event.outage.message)
      return
    case 'recovered':
      outages.back('kafka', 'connection')
      return
    case 'reset':
      checkpointedStore.forget(event.partition)
      return
    case 'assigned':
      metrics.keepPartitions(topic, event.partitions)
      checkpointedStore.assign(event.partitions)
      // An outage is ignored here: the batches run into it, too, and retry.
      if (event.partitions.length > 0) checkState().catch(() => {})
      return
    default:
      event satisfies never
  }
}

/** @throws what made the work end, unless it was the signal */
async function untilEnd(worker: Worker, endings: Endings, signal: AbortSignal): Promise<void> {
  let failure = await Promise.race([...endings, untilAborted(signal)])
  if (failure === undefined && !signal.aborted) {
    failure = new Error('the consumer ended, though nobody stopped it')
  }
  worker.failure = failure
  if (failure !== undefined) throw failure
}

/** Closes in this order: nothing is closed before what uses it. */
async function close(worker: Worker, operations: HttpServer): Promise<void> {
  const { shutdownTimeoutMs } = worker.config.worker
  worker.endStateWatch()
  worker.watchdog?.end()
  await worker.consumer?.stop(shutdownTimeoutMs / (worker.failure === undefined ? 1 : 2))
  await worker.deadLetters.close()
  worker.redis.close()
  await operations.close()
}
