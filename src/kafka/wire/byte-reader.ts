/** Reads Kafka's primitive types in order. Throws a RangeError if the bytes end too early. */
export class ByteReader {
  readonly bytes: Buffer
  position = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get remaining(): number {
    return this.bytes.length - this.position
  }

  int16(): number {
    const value = this.bytes.readInt16BE(this.position)
    this.position += 2
    return value
  }

  int32(): number {
    const value = this.bytes.readInt32BE(this.position)
    this.position += 4
    return value
  }

  int64(): bigint {
    const value = this.bytes.readBigInt64BE(this.position)
    this.position += 8
    return value
  }

  /** Zigzag, at most 32 bits. */
  varint(): number {
    const raw = this.uvarint()
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** At most 32 bits. */
  uvarint(): number {
    let raw = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) return raw >>> 0
    }
    throw new RangeError('a varint of more than five bytes')
  }

  /**
   * Zigzag, at most 64 bits. Returns a number for values of up to four bytes, as nearly all are:
   * that is much faster than a bigint.
   */
  varlong(): number | bigint {
    const start = this.position
    let raw = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte()
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1)
    }
    this.position = start
    return this.longVarlong()
  }

  /** Returns a view of the next bytes; null for a negative length. */
  slice(length: number): Buffer | null {
    const start = this.skip(length)
    return start < 0 ? null : this.bytes.subarray(start, this.position)
  }

  /** Skips bytes, and returns where they begin; -1 for a negative length. */
  skip(length: number): number {
    if (length < 0) return -1
    if (length > this.remaining) throw new RangeError('a length beyond the end')
    this.position += length
    return this.position - length
  }

  private byte(): number {
    const byte = this.bytes[this.position++]
    if (byte === undefined) throw new RangeError('the bytes end within a value')
    return byte
  }

  private longVarlong(): bigint {
    let raw = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte()
      raw |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n))
    }
    throw new RangeError('a varlong of more than ten bytes')
  }
}
