import type { Consumer } from '../client/kafkajs.ts'

const CHECK_EVERY_MS = 1000

/**
 * Calls `onSilent` if a consumer emitted no event for too long. kafkajs can stop consuming without
 * an error (tulios/kafkajs#1443), and a batch that is awaited can hang. The watch counts its checks
 * rather than the time: while the process itself was stopped, no event could arrive.
 *
 * @param onSilent called with whether the consumer had joined its group; again at every further
 *   second of silence
 * @returns a function that ends the watch
 */
export function watchForSilence(
  consumer: Pick<Consumer, 'on' | 'events'>,
  limitMs: number,
  onSilent: (hadJoined: boolean) => void,
): () => void {
  const { FETCH_START, FETCH, HEARTBEAT, GROUP_JOIN, START_BATCH_PROCESS } = consumer.events
  let silentMs = 0
  let hasJoined = false
  for (const event of [FETCH_START, FETCH, HEARTBEAT, GROUP_JOIN, START_BATCH_PROCESS]) {
    consumer.on(event, () => {
      silentMs = 0
      hasJoined ||= event === GROUP_JOIN
    })
  }
  const check = () => {
    silentMs += CHECK_EVERY_MS
    if (silentMs >= limitMs) onSilent(hasJoined)
  }
  const timer = setInterval(check, CHECK_EVERY_MS).unref()
  return () => clearInterval(timer)
}
