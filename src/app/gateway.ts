import { createDecoder } from '../domain/event/decode.ts'
import { createGateway, EventTooLarge } from '../http/gateway.ts'
import { createPublisher, type Publisher, RecordRejected } from '../kafka/producer/publisher.ts'
import { checkPublishing } from '../kafka/topics/topics.ts'
import { NotRetriable, Unavailable } from '../pipeline/errors.ts'
import type { Log } from '../pipeline/ports.ts'
import { createGatewayMetrics } from '../telemetry/metrics.ts'
import type { Config } from './config/config.ts'
import { runUntilSignalled, untilAborted } from './life-cycle.ts'
import { OutageBoard } from './outage-board.ts'
import { waitAtStart } from './waiting.ts'
import { eventLoopLimit, watchEventLoop } from './watch/event-loop-watch.ts'

/** Runs a gateway until a signal ends it; returns the exit code. */
export async function runGateway(config: Config, log: Log): Promise<number> {
  const { shutdownTimeoutMs } = config.worker
  const endWatch = watchEventLoop(eventLoopLimit(config.events.maxEventBytes), config.log, log)
  try {
    return await runUntilSignalled((signal) => serve(config, log, signal), {
      shutdownTimeoutMs,
      log,
    })
  } finally {
    await endWatch()
  }
}

/**
 * Takes events until the signal, then answers those in hand.
 *
 * @param onStarted told once events are taken, with the address of the gateway
 * @throws NotRetriable where waiting would not help; any bug
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
  const untilBack = () => waitAtStart('kafka', () => evenIfRefused(checkTopic), outages, signal)
  const noteOutage = outageWatch(outages, untilBack, signal)
  const publisher = createPublisher(kafka, log, { onOutage: noteOutage })
  let isReady = false
  const gateway = createGateway({
    ...config.gateway,
    log,
    decode: decoder.decodeValue,
    publish: publishingTo(publisher, outages, noteOutage),
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
    await waitAtStart('kafka', checkTopic, outages, signal)
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

type NoteOutage = (outage: Unavailable | NotRetriable) => void

/**
 * At the first failure Kafka is said to be away, and looked after until it is back, whether or
 * not events come meanwhile.
 */
function outageWatch(
  outages: OutageBoard,
  untilBack: () => Promise<void>,
  signal: AbortSignal,
): NoteOutage {
  let isWatching = false
  const watch = async () => {
    isWatching = true
    try {
      await untilBack()
      if (!signal.aborted) outages.back('kafka', 'connection')
    } catch (error) {
      // a bug of the client: the next event finds out whether it still is
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

/** A client that waits longer has most likely given up. */
const PUBLISH_TIMEOUT_MS = 10_000
/** While Kafka is known to be away: it may just be coming back. */
const AWAY_TIMEOUT_MS = 1000

function publishingTo(
  publisher: Publisher,
  outages: OutageBoard,
  noteOutage: NoteOutage,
): (key: string, value: Buffer) => Promise<void> {
  return async (key, value) => {
    const deadlineMs = outages.isAway('kafka') ? AWAY_TIMEOUT_MS : PUBLISH_TIMEOUT_MS
    try {
      await publisher.publish([{ key, value }], deadlineMs)
      outages.back('kafka', 'connection')
    } catch (error) {
      if (error instanceof Unavailable || error instanceof NotRetriable) noteOutage(error)
      if (error instanceof RecordRejected && error.reason === 'size') {
        throw new EventTooLarge(error.message, { cause: error })
      }
      throw error
    }
  }
}

/** Once running, a topic or a right that is gone is an outage: it may be given back. */
async function evenIfRefused(check: () => Promise<void>): Promise<void> {
  try {
    await check()
  } catch (error) {
    if (!(error instanceof NotRetriable)) throw error
    throw new Unavailable('kafka', error.message, { cause: error })
  }
}
