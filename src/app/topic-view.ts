/** What the topic still holds, what it cannot tell any more, and how far the workers are in it. */
import { askCluster } from '../kafka/client/admin.ts'
import { rightsToRead } from '../kafka/client/rights.ts'
import type { KafkaSettings } from '../kafka/client/settings.ts'
import { readOffsets } from '../kafka/topics/offsets.ts'
import { topicConfig } from '../kafka/topics/topic-facts.ts'
import { checkTopics } from '../kafka/topics/topics.ts'
import type { Log, PartitionOffsets } from '../pipeline/ports.ts'
import { readCheckpoints } from '../redis/checkpoint/checkpoint-reader.ts'
import type { RedisConnection } from '../redis/connection/connection.ts'
import type { Retry } from '../redis/reading/key-walk.ts'
import type { Config } from './config/config.ts'
import type { Offsets, Unreadable } from './topic-fold.ts'

export interface TopicBounds {
  /** The earliest offset that is still there. */
  readonly starts: Offsets
  readonly ends: Offsets
}

/** @throws NotRetriable, Unavailable */
export async function readBounds(settings: KafkaSettings, log: Log): Promise<TopicBounds> {
  const offsets = await readOffsets(settings, log)
  return {
    starts: new Map(offsets.map(({ partition, start }) => [partition, start])),
    ends: endsOf(offsets),
  }
}

export function endsOf(offsets: readonly PartitionOffsets[]): Offsets {
  return new Map(offsets.map(({ partition, end }) => [partition, end]))
}

/** What the topic no longer holds: nobody can tell what it was. */
interface Losses {
  /** Partition → the earliest offset, where that is not 0: all before it is gone. */
  readonly removed: Offsets
  /** Whether of each key the last record may be all; undefined without the right to ask. */
  readonly isCompacted: boolean | undefined
}

export interface TopicGaps extends Losses {
  /** The workers had read further than it goes now. */
  readonly isMadeAnew: boolean
  /** There is no record in it. */
  readonly isEmpty: boolean
}

/** @throws NotRetriable, Unavailable */
export async function findGaps(settings: KafkaSettings, log: Log): Promise<TopicGaps> {
  const offsets = await readOffsets(settings, log)
  return {
    removed: removedOf(offsets),
    isCompacted: await askWhetherCompacted(settings, log),
    isMadeAnew: offsets.some(({ committed = 0n, end }) => committed > end),
    isEmpty: offsets.every(({ start, end }) => start === end),
  }
}

export function isComplete({ removed, isCompacted, isMadeAnew }: TopicGaps): boolean {
  return removed.size === 0 && isCompacted !== true && !isMadeAnew
}

/** What cannot be known from the topic any more. */
export interface Unknowable extends Losses {
  readonly unreadable: readonly Unreadable[]
}

export interface TopicView {
  /**
   * Reads the offsets as they are now, and remembers what is gone. `next` is where the workers
   * go on: at their checkpoint in Redis, where that is behind their commit, for Redis lost the rest.
   */
  offsets(): Promise<readonly PartitionOffsets[]>
  /** Adds what could not be read. */
  note(unreadable: Unreadable): void
  unknowable(): Unknowable
  /** Whether Redis may rightly have more than the topic tells. */
  isIncomplete(): boolean
}

export interface TopicSources {
  readonly config: Pick<Config, 'kafka'>
  readonly log: Log
  readonly redis: RedisConnection
  readonly patience: { readonly kafka: Retry; readonly redis: Retry }
}

/** @throws NotRetriable, Unavailable */
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
      const checkpoints = await patience.redis(() => readCheckpoints(redis, topic, groupId))
      const offsets = await patience.kafka(() => readOffsets(kafka, log))
      for (const [partition, start] of removedOf(offsets)) removed.set(partition, start)
      return offsets.map((each) => ({
        ...each,
        next: nextOf(each, checkpoints.get(each.partition)),
      }))
    },
    note: (found) => void unreadable.set(`${found.partition} ${found.offset}`, found),
    unknowable: () => ({ removed, isCompacted, unreadable: [...unreadable.values()] }),
    isIncomplete: () => removed.size > 0 || isCompacted === true || unreadable.size > 0,
  }
}

/** Without a checkpoint, all that the workers committed is lost; what others committed has none. */
function nextOf(
  { next, start, committed }: PartitionOffsets,
  checkpoint: bigint | undefined,
): bigint {
  if (committed === undefined) return next
  const applied = checkpoint ?? start
  return applied < next ? applied : next
}

function removedOf(offsets: readonly PartitionOffsets[]): Offsets {
  const begun = offsets.filter(({ start }) => start > 0n)
  return new Map(begun.map(({ partition, start }) => [partition, start]))
}

async function askWhetherCompacted(kafka: KafkaSettings, log: Log): Promise<boolean | undefined> {
  const asking = {
    doing: `reading the settings of topic ${kafka.topic}`,
    advice: rightsToRead(kafka),
  }
  const settings = await askCluster(kafka, log, asking, (admin) =>
    topicConfig(admin, kafka.topic, log),
  )
  return settings?.get('cleanup.policy')?.split(',').includes('compact')
}
