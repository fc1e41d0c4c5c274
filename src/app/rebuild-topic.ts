/** What is known of the topic before anything is read. */
import { askCluster } from '../kafka/admin.ts'
import { readOffsets } from '../kafka/offsets.ts'
import type { KafkaSettings } from '../kafka/settings.ts'
import { topicConfig } from '../kafka/topic-facts.ts'
import type { Log } from '../pipeline/ports.ts'
import type { Offsets } from './topic-fold.ts'

export interface TopicBounds {
  /** The earliest offset that is still there. */
  readonly starts: Offsets
  readonly ends: Offsets
}

/** What the topic no longer holds: nobody can tell what it was. */
export interface TopicGaps {
  /** Partition → the earliest offset, where that is not 0: all before it is gone. */
  readonly cut: Offsets
  /** Of each key the last record may be all that is left. */
  readonly isCompacted: boolean
  /** The workers had read further than it goes now. */
  readonly isMadeAnew: boolean
  /** There is no record in it. */
  readonly isEmpty: boolean
}

/** @throws Refused, Unavailable */
export async function readBounds(settings: KafkaSettings, log: Log): Promise<TopicBounds> {
  const offsets = await readOffsets(settings, log)
  return {
    starts: new Map(offsets.map(({ partition, start }) => [partition, start])),
    ends: new Map(offsets.map(({ partition, end }) => [partition, end])),
  }
}

/** @throws Refused, Unavailable */
export async function findGaps(settings: KafkaSettings, log: Log): Promise<TopicGaps> {
  const { topic } = settings
  const offsets = await readOffsets(settings, log)
  const asking = { doing: `reading the settings of topic ${topic}`, advice: '' }
  const config = await askCluster(settings, log, asking, (admin) => topicConfig(admin, topic, log))
  const cut = offsets.filter(({ start }) => start > 0n)
  return {
    cut: new Map(cut.map(({ partition, start }) => [partition, start])),
    isCompacted: config?.get('cleanup.policy')?.includes('compact') ?? false,
    isMadeAnew: offsets.some(({ next, end }) => next > end),
    isEmpty: offsets.every(({ start, end }) => start === end),
  }
}

export function isComplete({ cut, isCompacted, isMadeAnew }: TopicGaps): boolean {
  return cut.size === 0 && !isCompacted && !isMadeAnew
}
