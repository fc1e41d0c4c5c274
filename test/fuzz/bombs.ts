/** Small batches (kilobytes or megabytes) that decompress to gigabytes, or claim to. */
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

/** The records reduce the number of bytes that may be inflated; a negative count would raise it. */
function negativeCount(): Buffer {
  return compressed(1, repeat(gzipSync(ZEROS), 128), -8_000_000)
}

function repeat(bytes: Buffer, count: number): Buffer {
  return Buffer.concat(Array<Buffer>(count).fill(bytes))
}

/** One frame that repeats the blocks of 16 MiB. */
function lz4(count: number): Buffer {
  const frame = compressFrameSync(ZEROS)
  const [header, blocks, end] = [frame.subarray(0, 7), frame.subarray(7, -4), frame.subarray(-4)]
  return Buffer.concat([header, repeat(blocks, count), end])
}

/** A block that declares this uncompressed length, but has only 4096 bytes. */
function snappyOf(bytes: number): Buffer {
  const afterLength = compressSync(Buffer.alloc(4096)).subarray(2)
  return Buffer.concat([unsigned(bytes), afterLength])
}

/** One record with headers without values. Their names of four characters are equal or all distinct. */
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

/** A zigzag varint; the value must not be negative. */
function varint(value: number): Buffer {
  return unsigned(2 * value)
}

function unsigned(value: number): Buffer {
  const digits: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) digits.push((rest % 0x80) | 0x80)
  return Buffer.from([...digits, rest])
}
