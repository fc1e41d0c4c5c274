import type { Log } from '../../pipeline/ports.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { readOffsets } from '../topics/offsets.ts'

/**
 * Logs which records of a partition were never read, after its position turned out not to be in the
 * topic. It is logged as an error, as those records cannot be recovered. Never rejects.
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
    return undefined // the outage is reported elsewhere; the message goes without the bounds
  }
}

function textsOf(bounds: Bounds | undefined) {
  return bounds === undefined ? {} : { start: String(bounds.start), end: String(bounds.end) }
}

function messageOf(partition: number, position: bigint, bounds: Bounds | undefined): string {
  const whatNext = 'reading continues at the earliest record'
  if (bounds !== undefined && position < bounds.start) {
    return (
      `records of partition ${partition} were removed from the topic before they were read ` +
      `(retention?): offsets ${position} to ${bounds.start - 1n} are not in the state; ${whatNext}`
    )
  }
  return (
    `the topic has no offset ${position} in partition ${partition}, which was to be read next: ` +
    `the topic was recreated, or lost its latest records; ${whatNext}`
  )
}
