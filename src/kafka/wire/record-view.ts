import type { KafkaRecord, RecordHeaders } from '../../domain/record.ts'

/** What the records of a batch count from. */
export interface Start {
  readonly offset: number | bigint
  readonly timestamp: number | bigint
  readonly everyTimestamp: string | undefined
  /** How far the offset of the last record is from the first. */
  readonly lastDelta: number
}

/**
 * A record as a view of its batch: what is in it is made when it is asked for, and so lives no
 * longer than it is looked at: thousands of records wait in one batch.
 */
export class RecordView implements KafkaRecord {
  readonly isControlRecord = false
  readonly headers: RecordHeaders | undefined
  private readonly bytes: Buffer
  private readonly start: Start
  private readonly sinceFirst: number | bigint
  private readonly delta: number
  private readonly keyAt: number
  private readonly keyEnd: number
  private readonly valueAt: number
  private readonly valueEnd: number

  /** Where the key and the value begin and end in the bytes; they begin at -1 where there is none. */
  constructor(
    bytes: Buffer,
    start: Start,
    sinceFirst: number | bigint,
    delta: number,
    keyAt: number,
    keyEnd: number,
    valueAt: number,
    valueEnd: number,
    headers: RecordHeaders | undefined,
  ) {
    this.bytes = bytes
    this.start = start
    this.sinceFirst = sinceFirst
    this.delta = delta
    this.keyAt = keyAt
    this.keyEnd = keyEnd
    this.valueAt = valueAt
    this.valueEnd = valueEnd
    this.headers = headers
  }

  get offset(): string {
    return sum(this.start.offset, this.delta)
  }

  get timestamp(): string {
    return this.start.everyTimestamp ?? sum(this.start.timestamp, this.sinceFirst)
  }

  get key(): Buffer | null {
    return this.keyAt < 0 ? null : this.bytes.subarray(this.keyAt, this.keyEnd)
  }

  get value(): Buffer | null {
    return this.valueAt < 0 ? null : this.bytes.subarray(this.valueAt, this.valueEnd)
  }
}

/** A number where adding to it stays exact: much faster than a bigint. */
export function narrow(value: bigint): number | bigint {
  return -NARROW < value && value < NARROW ? Number(value) : value
}

const NARROW = 2n ** 52n

function sum(start: number | bigint, delta: number | bigint): string {
  if (typeof start === 'number' && typeof delta === 'number') return String(start + delta)
  return String(BigInt.asIntN(64, BigInt(start) + BigInt(delta)))
}
