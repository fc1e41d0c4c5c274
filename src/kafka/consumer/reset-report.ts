import type { Log } from '../../pipeline/ports.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { readOffsets } from '../topics/offsets.ts'

/**
 * Says what of a partition was never read, where reading stood at an offset that the topic
 * does not have: loudly, for nothing brings it back. Never rejects.
 */
export async function reportReset(
  settings: KafkaSettings,
  log: Log,
  partition: number,
  position: bigint,
): Promise<void> {
  const { topic } = settings
  const bounds = await boundsOf(settings, log, partition)
  const facts = { topic, partition, position: String(position), ...textsOf(bounds) }
  log.error(facts, messageOf(partition, position, bounds))
}

interface Bounds {
  readonly start: bigint
  readonly end: bigint
}

async function boundsOf(
  settings: KafkaSettings,
  log: Log,
  partition: number,
): Promise<Bounds | undefined> {
  try {
    const all = await readOffsets(settings, log)
    return all.find((each) => each.partition === partition)
  } catch {
    return undefined // Kafka went away meanwhile, which is told elsewhere: it is said without
  }
}

function textsOf(bounds: Bounds | undefined) {
  return bounds === undefined ? {} : { start: String(bounds.start), end: String(bounds.end) }
}

function messageOf(partition: number, position: bigint, bounds: Bounds | undefined): string {
  const whatNext = 'reading goes on at its earliest record'
  if (bounds !== undefined && position < bounds.start) {
    return (
      `records of partition ${partition} were removed from the topic before they were read ` +
      `(retention?): offsets ${position} to ${bounds.start - 1n} are not in the state; ${whatNext}`
    )
  }
  return (
    `offset ${position} of partition ${partition}, where reading stood, is not in the topic: it ` +
    `was made anew, or lost its end; ${whatNext}`
  )
}
