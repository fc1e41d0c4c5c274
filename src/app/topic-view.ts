/** Which offsets the topic still holds, which events may be gone, and how far the workers are. */
import { askCluster } from '../kafka/client/admin.ts'
import { rightsToRead } from '../kafka/client/rights.ts'
import type { KafkaSettings } from '../kafka/client/settings.ts'
import { readOffsets } from '../kafka/topics/offsets.ts'
import { topicConfig } from '../kafka/topics/topic-facts.ts'
import { checkTopics } from '../kafka/topics/topics.ts'
import type { Log, PartitionOffsets } from '../pipeline/ports.ts'
import type { Retry } from '../pipeline/retry.ts'
import { readCheckpoints } from '../redis/checkpoint/checkpoint-reader.ts'
import type { RedisConnection } from '../redis/connection/connection.ts'
import type { Config } from './config/config.ts'
import type { Offsets, Unreadable } from './topic-reader.ts'

export interface TopicBounds {
  /** The earliest offset that each partition still holds. */
  readonly starts: Offsets
  /** The offset after the last record of each partition. */
  readonly ends: Offsets
}

/**
 * Reads where each partition of the topic starts and ends now.
 *
 * @throws NotRetriable, Unavailable
 */
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

/** Records that the topic no longer holds, so that nobody knows what they said. */
interface Losses {
  /** Partition → its earliest offset, if that is not 0: all records before it are gone. */
  readonly removed: Offsets
  /** Whether only the last record of each key may be left; undefined without the right to ask. */
  readonly isCompacted: boolean | undefined
}

export interface TopicGaps extends Losses {
  /** Whether the workers committed an offset beyond its end, so that it must be another topic. */
  readonly isRecreated: boolean
  /** Whether it holds no record. */
  readonly isEmpty: boolean
}

/**
 * Finds out which events the topic no longer holds.
 *
 * @throws NotRetriable, Unavailable
 */
export async function findGaps(settings: KafkaSettings, log: Log): Promise<TopicGaps> {
  const offsets = await readOffsets(settings, log)
  return {
    removed: removedOf(offsets),
    isCompacted: await askWhetherCompacted(settings, log),
    isRecreated: offsets.some(({ committed = 0n, end }) => committed > end),
    isEmpty: offsets.every(({ start, end }) => start === end),
  }
}

export function isComplete({ removed, isCompacted, isRecreated }: TopicGaps): boolean {
  return removed.size === 0 && isCompacted !== true && !isRecreated
}

/** What the topic cannot say any more. */
export interface Unknowable extends Losses {
  readonly unreadable: readonly Unreadable[]
}

/** The topic during a verification: its offsets, and all gaps that were found so far. */
export interface TopicView {
  /**
   * Reads the current offsets, and remembers which records are gone. `next` is the next offset
   * that the workers apply: their commit, or their checkpoint in Redis if that is behind it. In
   * that case Redis lost what lies between, and the workers replay it.
   */
  offsets(): Promise<readonly PartitionOffsets[]>
  addUnreadable(unreadable: Unreadable): void
  unknowable(): Unknowable
  /** Whether the topic lacks records, so that Redis may rightly hold more than the topic says. */
  isIncomplete(): boolean
}

export interface TopicSources {
  readonly config: Pick<Config, 'kafka'>
  readonly log: Log
  readonly redis: RedisConnection
  readonly retry: { readonly kafka: Retry; readonly redis: Retry }
}

/** @throws NotRetriable, Unavailable */
export async function openTopicView(sources: TopicSources): Promise<TopicView> {
  const { log, retry, redis } = sources
  const { kafka } = sources.config
  const { topic, groupId } = kafka
  const removed = new Map<number, bigint>()
  const unreadable = new Map<string, Unreadable>()
  await retry.kafka(() => checkTopics(kafka, log))
  const isCompacted = await retry.kafka(() => askWhetherCompacted(kafka, log))
  return {
    async offsets() {
      const checkpoints = await retry.redis(() => readCheckpoints(redis, topic, groupId))
      const offsets = await retry.kafka(() => readOffsets(kafka, log))
      for (const [partition, start] of removedOf(offsets)) removed.set(partition, start)
      return offsets.map((each) => ({
        ...each,
        next: nextOf(each, checkpoints.get(each.partition)),
      }))
    },
    addUnreadable: (found) => void unreadable.set(`${found.partition} ${found.offset}`, found),
    unknowable: () => ({ removed, isCompacted, unreadable: [...unreadable.values()] }),
    isIncomplete: () => removed.size > 0 || isCompacted === true || unreadable.size > 0,
  }
}

/**
 * Without a checkpoint, Redis lost all that the workers committed. A commit that was not made by a
 * worker has no checkpoint.
 */
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
