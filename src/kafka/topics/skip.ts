/** Moves the group past a record that stops its partition, while the workers run. */
import type { DeadLetter } from '../../domain/dead-letter.ts'
import type { KafkaRecord } from '../../domain/record.ts'
import { NotRetriable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import type { KafkaSettings } from '../client/settings.ts'
import type { DeadLetterWriter } from '../producer/dead-letter-topic.ts'
import type { Undecodable } from '../wire/record-batch.ts'
import { commitAsMember } from './commit-as-member.ts'
import { readOffsets } from './offsets.ts'
import { scanTopic } from './scan.ts'

export interface SkipOptions {
  readonly settings: KafkaSettings
  readonly log: Log
  readonly deadLetterTopic: DeadLetterWriter
  readonly partition: number
  /** The offset at which the partition stopped. */
  readonly offset: bigint
}

export interface Skipped {
  readonly partition: number
  readonly offset: bigint
  /** Where the group continues: after the record, or after a batch that cannot be read. */
  readonly nextOffset: bigint
  /** Whether the record could be read, so that its dead letter is complete. */
  readonly wasReadable: boolean
}

/**
 * Writes the record to the dead-letter topic, with the reason `skipped`, then commits the offset
 * after it. If the record's batch cannot be read, one dead letter represents the rest of the batch.
 *
 * @throws NotRetriable if the group's position is another offset, with that offset; Unavailable
 */
export async function skipRecord(options: SkipOptions): Promise<Skipped> {
  const { settings, log, deadLetterTopic, partition, offset } = options
  const position = await positionOf(options)
  const found = await find(options, position)
  const deadLetterOf = (record: KafkaRecord): DeadLetter => ({
    topic: settings.topic,
    partition,
    record,
    problem: { reason: 'skipped', path: '', message: `skipped by hand: ${found.why}` },
  })
  if (found.record !== undefined) {
    await deadLetterTopic.write([deadLetterOf(found.record)])
  } else {
    const lastOffset = found.nextOffset - 1n
    await deadLetterTopic.writeUndecodable(deadLetterOf(withoutContent(offset)), lastOffset)
  }

  await commitAsMember(settings, log, partition, found.nextOffset, async () => {
    const now = await positionOf(options)
    if (now !== position) throw notAtPosition(options, now)
  })
  return {
    partition,
    offset,
    nextOffset: found.nextOffset,
    wasReadable: found.record !== undefined,
  }
}

/** Returns the offset at which the group continues in the partition. */
async function positionOf(options: SkipOptions): Promise<bigint> {
  const { settings, log, partition, offset } = options
  const all = await readOffsets(settings, log)
  const offsets = all.find((each) => each.partition === partition)
  if (offsets === undefined) {
    const message = `topic ${settings.topic} has partitions 0 to ${all.length - 1}, no ${partition}`
    throw new NotRetriable('kafka', message)
  }
  const position = offsets.next
  if (offset < position || offset >= offsets.end) throw notAtPosition(options, position)
  return position
}

interface Found {
  /** Undefined if it cannot be read. */
  readonly record?: KafkaRecord
  readonly nextOffset: bigint
  readonly why: string
}

/**
 * Finds the record at the offset. Reads everything from the group's position to the offset: there
 * must be no record before it, or that one would be skipped, too.
 */
async function find(options: SkipOptions, position: bigint): Promise<Found> {
  const { settings, log, partition, offset } = options
  const records: KafkaRecord[] = []
  const undecodables: Undecodable[] = []
  await scanTopic({
    settings,
    log,
    bounds: new Map([[partition, { from: position, to: offset + 1n }]]),
    onRecords: (_, found) => {
      // the first is enough: it is either the record itself, or one before it
      if (records.length === 0) records.push(...found.slice(0, 1))
    },
    onUndecodable: (_, undecodable) => undecodables.push(undecodable),
  })
  const [record] = records
  const [undecodable] = undecodables
  if (record !== undefined) {
    if (BigInt(record.offset) !== offset) throw notAtPosition(options, position)
    return { record, nextOffset: offset + 1n, why: 'the record' }
  }
  if (undecodable === undefined) {
    const message = `there is no record at offset ${offset} of partition ${partition}`
    throw new NotRetriable('kafka', `${message}: nothing is to be skipped`)
  }
  if (undecodable.firstOffset < offset && position < offset) throw notAtPosition(options, position)
  return { nextOffset: undecodable.lastOffset + 1n, why: undecodable.reason }
}

/** Returns a record with an offset alone, in place of one that cannot be read. */
function withoutContent(offset: bigint): KafkaRecord {
  return { offset: String(offset), timestamp: '-1', key: null, value: null }
}

function notAtPosition({ settings, partition, offset }: SkipOptions, position: bigint) {
  return new NotRetriable(
    'kafka',
    `group ${settings.groupId} continues at offset ${position} of partition ${partition}, not at ` +
      `${offset}: only the record at which it continues can be skipped`,
  )
}
