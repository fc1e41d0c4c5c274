/** What the topic can still tell, and how far the workers are in it. */
import { askCluster } from '../kafka/admin.ts'
import { readOffsets } from '../kafka/offsets.ts'
import { rightsToRead } from '../kafka/rights.ts'
import { topicConfig } from '../kafka/topic-facts.ts'
import { checkTopics } from '../kafka/topics.ts'
import type { Log, PartitionOffsets } from '../pipeline/ports.ts'
import type { RedisConnection } from '../redis/connection.ts'
import type { Patience } from '../redis/state-reader-keys.ts'
import { readMarks } from '../redis/state-reader-marks.ts'
import type { Config } from './config.ts'
import type { Offsets, Unreadable } from './topic-fold.ts'

/** What cannot be known from the topic any more. */
export interface Unknowable {
  /** Partition → how many records retention has removed from its start. */
  readonly removed: Offsets
  /** Whether compaction may have removed records; undefined without the right to ask. */
  readonly isCompacted: boolean | undefined
  readonly unreadable: readonly Unreadable[]
}

export interface TopicView {
  /**
   * Reads the offsets as they are now, and remembers what is gone. `next` is where the workers
   * go on: at their mark in Redis, where that is behind their commit, for Redis lost the rest.
   */
  offsets(): Promise<readonly PartitionOffsets[]>
  /** Adds what could not be read. */
  note(unreadable: readonly Unreadable[]): void
  unknowable(): Unknowable
  /** Whether Redis may rightly have more than the topic tells. */
  isIncomplete(): boolean
}

export interface TopicSources {
  readonly config: Pick<Config, 'kafka'>
  readonly log: Log
  readonly redis: RedisConnection
  readonly patience: { readonly kafka: Patience; readonly redis: Patience }
}

/** @throws Refused, Unavailable */
export async function openTopicView(sources: TopicSources): Promise<TopicView> {
  const { log, patience, redis } = sources
  const { kafka } = sources.config
  const { topic, groupId } = kafka
  const removed = new Map<number, bigint>()
  const unreadable = new Map<string, Unreadable>()
  await patience.kafka(() => checkTopics(kafka, log))
  const isCompacted = await patience.kafka(() => askWhetherCompacted(kafka, log))
  return {
    async offsets() {
      const marks = await patience.redis(() => readMarks(redis, topic, groupId))
      const offsets = await patience.kafka(() => readOffsets(kafka, log))
      for (const { partition, start } of offsets) if (start > 0n) removed.set(partition, start)
      return offsets.map((each) => ({ ...each, next: nextOf(each, marks.get(each.partition)) }))
    },
    note(found) {
      for (const each of found) unreadable.set(`${each.partition} ${each.offset}`, each)
    },
    unknowable: () => ({ removed, isCompacted, unreadable: [...unreadable.values()] }),
    isIncomplete: () => removed.size > 0 || isCompacted === true || unreadable.size > 0,
  }
}

/** Without a mark, all that the workers committed is lost; what others committed has none. */
function nextOf({ next, start, committed }: PartitionOffsets, mark: bigint | undefined): bigint {
  if (committed === undefined) return next
  const applied = mark ?? start
  return applied < next ? applied : next
}

export function endsOf(offsets: readonly PartitionOffsets[]): Offsets {
  return new Map(offsets.map(({ partition, end }) => [partition, end]))
}

async function askWhetherCompacted(kafka: Config['kafka'], log: Log): Promise<boolean | undefined> {
  const asking = {
    doing: `reading the settings of topic ${kafka.topic}`,
    advice: rightsToRead(kafka),
  }
  const settings = await askCluster(kafka, log, asking, (admin) =>
    topicConfig(admin, kafka.topic, log),
  )
  return settings?.get('cleanup.policy')?.split(',').includes('compact')
}
