import type { Log, PartitionOffsets } from '../../pipeline/ports.ts'
import { askCluster } from '../client/admin.ts'
import type { Admin } from '../client/kafkajs.ts'
import { rightsToRead } from '../client/rights.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { committedBy } from '../wire/commit-metadata.ts'
import { topicIdOf } from '../wire/metadata-request.ts'

/**
 * Reads the bounds of each partition and the offset that the consumer group committed, in order of
 * partitions. A commit of a worker for a former topic of the same name does not count.
 *
 * @throws NotRetriable, Unavailable
 */
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
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const topicId = topicIdOf(topics[0]?.partitions)
  // before the bounds: otherwise a commit made meanwhile might seem to be beyond the end
  const [group] = await admin.fetchOffsets({ groupId, topics: [topic] })
  const bounds = await admin.fetchTopicOffsets(topic)
  const commits = new Map(group?.partitions.map((commit) => [commit.partition, commit]))
  return bounds
    .map(({ partition, low, high }): PartitionOffsets => {
      const commit = commits.get(partition)
      const by = committedBy(commit?.metadata, topicId)
      // -1: no commit; -2: the start of the log, which kafkajs commits after a reset
      const offset = by === 'worker of a former topic' ? undefined : commit?.offset
      const committed = BigInt(offset ?? -1)
      const start = BigInt(low)
      const end = BigInt(high)
      return {
        partition,
        start,
        end,
        next: committed < start || committed > end ? start : committed,
        committed: by === 'worker' ? committed : undefined,
      }
    })
    .sort((a, b) => a.partition - b.partition)
}
