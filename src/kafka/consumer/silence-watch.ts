import type { Consumer } from '../client/kafkajs.ts'

const CHECK_EVERY_MS = 1000

/**
 * Tells once nothing was heard of a consumer for too long. kafkajs can come to a halt without
 * a word (tulios/kafkajs#1443), and so can a batch that is waited for. Checks are counted, not
 * time: while the process itself was stopped, it could hear nothing.
 *
 * @param onSilent told whether it had joined its group before
 * @returns what ends the watch
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
