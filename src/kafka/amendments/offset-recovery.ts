/**
 * Amendment: offset recovery.
 *
 * Wrong in kafkajs: if the position of a consumer is no longer in the topic, kafkajs moves it
 * to the earliest or latest offset, and nobody learns where it was (tulios/kafkajs#1119, #1777).
 * Changed: `onOffsetOutOfRange` is called with the former position before it is moved.
 * Can go when: kafkajs has an event with the former position, or an option to stop instead.
 */
import { hooksOf, type OfClient } from './client-hooks.ts'
import { type Load, loadPrototype } from './kafkajs-parts.ts'

export function amendOffsetRecovery(load: Load): void {
  const group = loadPrototype<ConsumerGroup>(load, 'consumer/consumerGroup', {
    recoverFromOffsetOutOfRange: 1,
  })
  const { recoverFromOffsetOutOfRange } = group
  group.recoverFromOffsetOutOfRange = async function (error) {
    const { topic, partition } = error
    // a follower may lag: kafkajs then asks the leader, and the position stays
    const isFollower =
      typeof this.preferredReadReplicasPerTopicPartition[topic]?.[partition] === 'number'
    if (!isFollower) {
      const position = BigInt(String(this.offsetManager.nextOffset(topic, partition)))
      hooksOf(this.cluster)?.onOffsetOutOfRange?.(partition, position)
    }
    await recoverFromOffsetOutOfRange.call(this, error)
  }
}

interface ConsumerGroup {
  readonly cluster: OfClient
  readonly preferredReadReplicasPerTopicPartition: Record<string, Record<number, unknown>>
  /** `nextOffset` returns a Long. */
  readonly offsetManager: { nextOffset(topic: string, partition: number): object }
  recoverFromOffsetOutOfRange(
    this: ConsumerGroup,
    error: { readonly topic: string; readonly partition: number },
  ): Promise<void>
}
