import { createDecoder } from '../domain/event/decode.ts'
import { createGateway, EventTooLarge } from '../http/gateway.ts'
import { createPublisher, type Publisher, RecordRejected } from '../kafka/producer/publisher.ts'
import { checkPublishing } from '../kafka/topics/topics.ts'
import { asOutage, NotRetriable, Unavailable } from '../pipeline/errors.ts'
import type { Log } from '../pipeline/ports.ts'
import { createGatewayMetrics } from '../telemetry/metrics.ts'
import type { Config } from './config/config.ts'
import { untilAborted } from './life-cycle.ts'
import { OutageBoard } from './outage-board.ts'
import { retryAtStart } from './retries.ts'
import { runService } from './run-service.ts'

/** Runs a gateway until a signal ends it. Returns the exit code. */
export async function runGateway(config: Config, log: Log): Promise<number> {
  return await runService(config, log, config.events.maxEventBytes, serve)
}

/**
 * Accepts events until the signal, then answers the requests in flight.
 *
 * @param onStarted called once events are accepted, with the address of the gateway
 * @throws NotRetriable if retrying would not help; any bug
 */
export async function serve(
  config: Config,
  log: Log,
  signal: AbortSignal,
  onStarted: (url: string) => void = () => {},
): Promise<void> {
  const { kafka, events } = config
  const metrics = createGatewayMetrics(Date.now)
  const outages = new OutageBoard(['kafka'], log, Date.now, metrics.setUp)
  const decoder = createDecoder(events)
  const checkTopic = () => checkPublishing(kafka, log)
  const untilBack = () => retryAtStart('kafka', () => orOutage(checkTopic), outages, signal)
  const onOutage = watchOutages(outages, untilBack, signal)
  const publisher = createPublisher(kafka, log, { onOutage })
  let isReady = false
  const gateway = createGateway({
    ...config.gateway,
    log,
    decode: decoder.decodeValue,
    publish: publishingTo(publisher, outages, onOutage),
    health: () => {
      const parts = outages.states()
      return { live: true, ready: isReady && parts.every(({ ok }) => ok), parts }
    },
    metrics: metrics.scrape,
    onAnswer: metrics.observeAnswer,
    now: Date.now,
    maxEventBytes: events.maxEventBytes,
  })

  try {
    const { url } = await gateway.listen()
    log.info({ url, topic: kafka.topic }, 'the gateway starts')
    await retryAtStart('kafka', checkTopic, outages, signal)
    if (signal.aborted) return
    isReady = true
    onStarted(url)
    await untilAborted(signal)
  } finally {
    await gateway.close()
    await publisher.close()
    log.info({}, 'the gateway has stopped')
  }
}

type OnOutage = (outage: Unavailable | NotRetriable) => void

/**
 * Returns a function that reports Kafka as away, and then checks Kafka until it is back, even if no
 * further events arrive.
 */
function watchOutages(
  outages: OutageBoard,
  untilBack: () => Promise<void>,
  signal: AbortSignal,
): OnOutage {
  let isWatching = false
  const watch = async () => {
    isWatching = true
    try {
      await untilBack()
      if (!signal.aborted) outages.back('kafka', 'connection')
    } catch (error) {
      // A bug in the Kafka client. The next event shows whether Kafka is still away.
      outages.away('kafka', 'connection', error instanceof Error ? error.message : String(error))
    } finally {
      isWatching = false
    }
  }

  return ({ message }) => {
    outages.away('kafka', 'connection', message)
    if (!isWatching) void watch()
  }
}

/** Most clients do not wait longer for an answer. */
const PUBLISH_TIMEOUT_MS = 10_000
/** While Kafka is known to be away. Publishing is still tried: Kafka may just have come back. */
const AWAY_TIMEOUT_MS = 1000

function publishingTo(
  publisher: Publisher,
  outages: OutageBoard,
  onOutage: OnOutage,
): (key: string, value: Buffer) => Promise<void> {
  return async (key, value) => {
    const timeoutMs = outages.isAway('kafka') ? AWAY_TIMEOUT_MS : PUBLISH_TIMEOUT_MS
    try {
      await publisher.publish([{ key, value }], timeoutMs)
      outages.back('kafka', 'connection')
    } catch (error) {
      if (error instanceof Unavailable || error instanceof NotRetriable) onOutage(error)
      if (error instanceof RecordRejected && error.reason === 'size') {
        throw new EventTooLarge(error.message, { cause: error })
      }
      throw error
    }
  }
}

/** While the gateway runs, a missing topic or right is an outage: somebody may restore it. */
async function orOutage(check: () => Promise<void>): Promise<void> {
  try {
    await check()
  } catch (error) {
    throw asOutage(error)
  }
}
