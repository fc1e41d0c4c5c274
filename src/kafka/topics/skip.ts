/** Gets the group past a record that stops its partition, while the workers run. */
import type { DeadLetter } from '../../domain/dead-letter.ts'
import type { KafkaRecord } from '../../domain/record.ts'
import { NotRetriable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import type { KafkaSettings } from '../client/settings.ts'
import type { DeadLetterWriter } from '../producer/dead-letter-topic.ts'
import type { Undecodable } from '../wire/record-batch.ts'
import { commitAsMember } from './group-member.ts'
import { readOffsets } from './offsets.ts'
import { scanTopic } from './scan.ts'

export interface SkipOptions {
  readonly settings: KafkaSettings
  readonly log: Log
  readonly deadLetters: DeadLetterWriter
  readonly partition: number
  /** Where the partition stands. */
  readonly offset: bigint
}

export interface Skipped {
  readonly partition: number
  readonly offset: bigint
  /** Where the group goes on: behind the record, or behind a batch that nobody can read. */
  readonly nextOffset: bigint
  /** Whether there was anything to be read of it for the dead letter. */
  readonly wasReadable: boolean
}

/**
 * Writes the record to the dead letters, with the reason `skipped`, then commits the offset
 * behind it. Of a batch that cannot be read, all the rest goes in one letter.
 *
 * @throws NotRetriable where the group does not stand at that offset, which names where it does;
 *   Unavailable
 */
export async function skipRecord(options: SkipOptions): Promise<Skipped> {
  const { settings, log, deadLetters, partition, offset } = options
  const position = await positionOf(options)
  const found = await find(options, position)
  const letterOf = (record: KafkaRecord): DeadLetter => ({
    topic: settings.topic,
    partition,
    record,
    problem: { reason: 'skipped', path: '', message: `skipped by hand: ${found.why}` },
  })
  if (found.record !== undefined) await deadLetters.write([letterOf(found.record)])
  else await deadLetters.writeUndecodable(letterOf(bare(offset)), found.nextOffset - 1n)

  await commitAsMember(settings, log, partition, found.nextOffset, async () => {
    const now = await positionOf(options)
    if (now !== position) throw elsewhere(options, now)
  })
  return {
    partition,
    offset,
    nextOffset: found.nextOffset,
    wasReadable: found.record !== undefined,
  }
}

/** The offset at which the group goes on in that partition. */
async function positionOf(options: SkipOptions): Promise<bigint> {
  const { settings, log, partition, offset } = options
  const all = await readOffsets(settings, log)
  const offsets = all.find((each) => each.partition === partition)
  if (offsets === undefined) {
    const message = `topic ${settings.topic} has partitions 0 to ${all.length - 1}, no ${partition}`
    throw new NotRetriable('kafka', message)
  }
  const position = offsets.next
  if (offset < position || offset >= offsets.end) throw elsewhere(options, position)
  return position
}

interface Found {
  /** Undefined where nobody can read it. */
  readonly record?: KafkaRecord
  readonly nextOffset: bigint
  readonly why: string
}

/** Looks at all between where the group stands and that offset: nothing else may be skipped. */
async function find(options: SkipOptions, position: bigint): Promise<Found> {
  const { settings, log, partition, offset } = options
  const records: KafkaRecord[] = []
  const undecodables: Undecodable[] = []
  await scanTopic({
    settings,
    log,
    bounds: new Map([[partition, { from: position, to: offset + 1n }]]),
    onRecords: (_, found) => {
      // the first will do: it is the one, or one too many
      if (records.length === 0) records.push(...found.slice(0, 1))
    },
    onUndecodable: (_, undecodable) => undecodables.push(undecodable),
  })
  const [record] = records
  const [undecodable] = undecodables
  if (record !== undefined && BigInt(record.offset) !== offset) throw elsewhere(options, position)
  if (record !== undefined) return { record, nextOffset: offset + 1n, why: 'the record' }
  if (undecodable === undefined) {
    const message = `there is no record at offset ${offset} of partition ${partition}`
    throw new NotRetriable('kafka', `${message}: nothing is to be skipped`)
  }
  if (undecodable.firstOffset < offset && position < offset) throw elsewhere(options, position)
  return { nextOffset: undecodable.lastOffset + 1n, why: undecodable.reason }
}

function bare(offset: bigint): KafkaRecord {
  return { offset: String(offset), timestamp: '-1', key: null, value: null }
}

function elsewhere({ settings, partition, offset }: SkipOptions, position: bigint): NotRetriable {
  return new NotRetriable(
    'kafka',
    `group ${settings.groupId} goes on at offset ${position} of partition ${partition}, not at ` +
      `${offset}: only the record at which it stands can be skipped`,
  )
}
