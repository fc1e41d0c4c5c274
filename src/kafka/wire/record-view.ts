import type { KafkaRecord, RecordHeaders } from '../../domain/record.ts'

/** What the deltas of a batch's records are added to, and what they all share. */
export interface BatchBase {
  readonly offset: number | bigint
  readonly timestamp: number | bigint
  /** Set if the broker sets the timestamps (LogAppendTime): it is that of every record. */
  readonly logAppendTime: string | undefined
  readonly lastOffsetDelta: number
}

/**
 * A record as a view of the bytes of its batch. Thousands of records wait in one batch, so the
 * offset, timestamp, key and value are made on each access and live no longer than their use.
 */
export class RecordView implements KafkaRecord {
  readonly isControlRecord = false
  readonly headers: RecordHeaders | undefined
  private readonly bytes: Buffer
  private readonly base: BatchBase
  private readonly timestampDelta: number | bigint
  private readonly offsetDelta: number
  private readonly keyStart: number
  private readonly keyEnd: number
  private readonly valueStart: number
  private readonly valueEnd: number

  /** @param keyStart where the key begins in the bytes, -1 for a null key; likewise valueStart */
  constructor(
    bytes: Buffer,
    base: BatchBase,
    timestampDelta: number | bigint,
    offsetDelta: number,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    headers: RecordHeaders | undefined,
  ) {
    this.bytes = bytes
    this.base = base
    this.timestampDelta = timestampDelta
    this.offsetDelta = offsetDelta
    this.keyStart = keyStart
    this.keyEnd = keyEnd
    this.valueStart = valueStart
    this.valueEnd = valueEnd
    this.headers = headers
  }

  get offset(): string {
    return sum(this.base.offset, this.offsetDelta)
  }

  get timestamp(): string {
    return this.base.logAppendTime ?? sum(this.base.timestamp, this.timestampDelta)
  }

  get key(): Buffer | null {
    return this.keyStart < 0 ? null : this.bytes.subarray(this.keyStart, this.keyEnd)
  }

  get value(): Buffer | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd)
  }
}

/** Returns a number if a delta can be added to it exactly: that is much faster than a bigint. */
export function narrow(value: bigint): number | bigint {
  return -NARROW < value && value < NARROW ? Number(value) : value
}

/** Half of what a number holds exactly: the other half is room for a delta. */
const NARROW = 2n ** 52n

function sum(base: number | bigint, delta: number | bigint): string {
  if (typeof base === 'number' && typeof delta === 'number') return String(base + delta)
  return String(BigInt.asIntN(64, BigInt(base) + BigInt(delta)))
}
