/** Where the consumer group stands in the topic. */
import type { Log } from '../pipeline/ports.ts'
import { askCluster } from './admin.ts'
import type { Admin } from './kafkajs.ts'
import { rightsToRead } from './rights.ts'
import type { KafkaSettings } from './settings.ts'

export interface PartitionOffsets {
  readonly partition: number
  /** The earliest offset that is still there. */
  readonly start: bigint
  /** Behind the last record that can be read: open transactions are not. */
  readonly end: bigint
  /** Where the group goes on; undefined where nothing was ever committed. */
  readonly committed: bigint | undefined
  /** What the commit says of itself: `group-traits`, or null where it was set by hand. */
  readonly metadata: string | null
  /** Records from where the group goes on to the end. */
  readonly lag: bigint
}

/** @throws Refused, Unavailable */
export async function readOffsets(settings: KafkaSettings, log: Log): Promise<PartitionOffsets[]> {
  const doing = `reading the offsets of topic ${settings.topic}`
  return await askCluster(settings, log, { doing, advice: rightsToRead(settings) }, (admin) =>
    offsetsOf(admin, settings),
  )
}

async function offsetsOf(
  admin: Admin,
  { groupId, topic }: KafkaSettings,
): Promise<PartitionOffsets[]> {
  const bounds = await admin.fetchTopicOffsets(topic)
  const [group] = await admin.fetchOffsets({ groupId, topics: [topic] })
  const commits = new Map(group?.partitions.map((commit) => [commit.partition, commit]))
  return bounds
    .map(({ partition, low, high }): PartitionOffsets => {
      const commit = commits.get(partition)
      // -1 stands for none, -2 for the start of the log, which kafkajs commits after a reset
      const isCommitted = commit !== undefined && BigInt(commit.offset) >= 0n
      const [start, end] = [BigInt(low), BigInt(high)]
      const committed = isCommitted ? BigInt(commit.offset) : undefined
      const next = committed === undefined || committed < start ? start : committed
      const metadata = isCommitted ? commit.metadata : null
      return { partition, start, end, committed, metadata, lag: end > next ? end - next : 0n }
    })
    .sort((a, b) => a.partition - b.partition)
}
