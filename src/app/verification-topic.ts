/** What the topic can still tell, and how far the workers are in it. */
import { askCluster } from '../kafka/admin.ts'
import { readOffsets } from '../kafka/offsets.ts'
import { rightsToRead } from '../kafka/rights.ts'
import { topicConfig } from '../kafka/topic-facts.ts'
import { checkTopics } from '../kafka/topics.ts'
import type { Log } from '../pipeline/ports.ts'
import type { Patience } from '../redis/state-reader-keys.ts'
import type { Config } from './config.ts'
import type { Offsets, Unreadable } from './topic-fold.ts'

export type PartitionOffsets = Awaited<ReturnType<typeof readOffsets>>[number]

/** What cannot be known from the topic any more. */
export interface Unknowable {
  /** Partition → how many records retention has removed from its start. */
  readonly removed: Offsets
  /** Whether compaction may have removed records; undefined without the right to ask. */
  readonly isCompacted: boolean | undefined
  readonly unreadable: readonly Unreadable[]
}

export interface TopicView {
  /** Reads the offsets as they are now, and remembers what is gone. */
  offsets(): Promise<readonly PartitionOffsets[]>
  /** Adds what could not be read. */
  note(unreadable: readonly Unreadable[]): void
  unknowable(): Unknowable
  /** Whether Redis may rightly have more than the topic tells. */
  isIncomplete(): boolean
}

/** @throws Refused, Unavailable */
export async function openTopicView(
  { kafka }: Pick<Config, 'kafka'>,
  log: Log,
  patience: Patience,
): Promise<TopicView> {
  const removed = new Map<number, bigint>()
  const unreadable = new Map<string, Unreadable>()
  await patience(() => checkTopics(kafka, log))
  const isCompacted = await patience(() => askWhetherCompacted(kafka, log))
  return {
    async offsets() {
      const offsets = await patience(() => readOffsets(kafka, log))
      for (const { partition, start } of offsets) if (start > 0n) removed.set(partition, start)
      return offsets
    },
    note(found) {
      for (const each of found) unreadable.set(`${each.partition} ${each.offset}`, each)
    },
    unknowable: () => ({ removed, isCompacted, unreadable: [...unreadable.values()] }),
    isIncomplete: () => removed.size > 0 || isCompacted === true || unreadable.size > 0,
  }
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
