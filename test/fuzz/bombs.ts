/** Batches of some kilobytes or megabytes that claim, or would become, gigabytes. */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { xerial } from '../setup/kafka/codecs.ts'
import { batchBytes } from '../setup/kafka/wire-bytes.ts'

const MiB = 1024 * 1024
const ZEROS = Buffer.alloc(16 * MiB)

interface Bomb {
  readonly name: string
  readonly bytes: () => Buffer
}

export const BOMBS: readonly Bomb[] = [
  { name: '2 GiB of gzip', bytes: () => compressed(1, repeat(gzipSync(ZEROS), 128)) },
  { name: '2 GiB of gzip, and a negative count', bytes: negativeCount },
  { name: '2 GiB of zstd', bytes: () => compressed(4, repeat(zstdCompressSync(ZEROS), 128)) },
  { name: '1 GiB of lz4', bytes: () => compressed(3, lz4(64)) },
  { name: '2 GiB of snappy', bytes: () => compressed(2, snappyOf(2 ** 31)) },
  {
    name: '64 GiB of snappy in chunks',
    bytes: () => compressed(2, xerial(Array(64).fill(snappyOf(2 ** 30)))),
  },
  { name: '10 million headers of one name', bytes: () => headers(10_000_000, false) },
  { name: '10 million headers', bytes: () => headers(10_000_000, true) },
  {
    name: '2 billion records',
    bytes: () => batchBytes({ firstOffset: 0n, records: [{}], count: 2 ** 31 - 1 }),
  },
]

function compressed(codec: number, body: Buffer, count = 1): Buffer {
  return batchBytes({ firstOffset: 0n, records: [], codec, compress: () => body, count })
}

/** Room is what is left of the cap by the records; by a negative count it would be more. */
function negativeCount(): Buffer {
  return compressed(1, repeat(gzipSync(ZEROS), 128), -8_000_000)
}

function repeat(bytes: Buffer, count: number): Buffer {
  return Buffer.concat(Array<Buffer>(count).fill(bytes))
}

/** One frame of the blocks of 16 MiB, again and again. */
function lz4(count: number): Buffer {
  const frame = compressFrameSync(ZEROS)
  const [head, blocks, end] = [frame.subarray(0, 7), frame.subarray(7, -4), frame.subarray(-4)]
  return Buffer.concat([head, repeat(blocks, count), end])
}

/** A block that declares so many bytes, and has some of them. */
function snappyOf(bytes: number): Buffer {
  const behindLength = compressSync(Buffer.alloc(4096)).subarray(2)
  return Buffer.concat([unsigned(bytes), behindLength])
}

/** One record with headers of four letters and no value, all of one name or each of another. */
function headers(count: number, isDistinct: boolean): Buffer {
  const all = Buffer.alloc(6 * count, Buffer.from([2 * NAME_LENGTH, 0x61, 0x61, 0x61, 0x61, 0]))
  for (let at = 0; isDistinct && at < count; at++) {
    for (let digit = 0; digit < NAME_LENGTH; digit++) {
      all[6 * at + 1 + digit] = 0x30 + ((at >> (6 * digit)) & 0x3f)
    }
  }
  const start = [0, 0, 0, 1, 1] // attributes, timestamp, offset, no key, no value
  const body = Buffer.concat([Buffer.from(start), varint(count), all])
  return compressed(4, zstdCompressSync(Buffer.concat([varint(body.length), body])))
}

const NAME_LENGTH = 4

/** Zigzag of what is not negative. */
function varint(value: number): Buffer {
  return unsigned(2 * value)
}

function unsigned(value: number): Buffer {
  const digits: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) digits.push((rest % 0x80) | 0x80)
  return Buffer.from([...digits, rest])
}
