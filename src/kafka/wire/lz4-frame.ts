/**
 * LZ4 frames (lz4_Frame_format.md), as the Java client and librdkafka send them. The library
 * decodes a frame whole and has no cap, so its blocks are walked first: what a frame can
 * become at most is known from their headers alone.
 */
import { decompressFrame } from 'lz4-napi'
import { TooLarge } from './too-large.ts'

const MAGIC = 0x184d2204
const BLOCK_BYTES = new Map([
  [4, 64 * 1024],
  [5, 256 * 1024],
  [6, 1024 * 1024],
  [7, 4096 * 1024],
])
/** One byte of a block stands for 255 bytes at the most. */
const MOST_PER_BYTE = 255

/** @throws TooLarge before anything is inflated, but for the size of one block */
export async function decompressLz4(bytes: Buffer, capBytes: number): Promise<Buffer> {
  const { mostBytes, blockBytes } = walkFrame(bytes)
  if (mostBytes > capBytes + blockBytes) throw new TooLarge(`up to ${mostBytes} bytes`)
  const plain = await decompressFrame(bytes)
  if (plain.length > capBytes) throw new TooLarge(`${plain.length} bytes`)
  return plain
}

interface FrameBounds {
  /** What the frame can become at most. */
  readonly mostBytes: number
  /** What one block of it can become at most. */
  readonly blockBytes: number
}

function walkFrame(bytes: Buffer): FrameBounds {
  if (bytes.readUInt32LE(0) !== MAGIC) throw new Error('no LZ4 frame')
  const flags = bytes.readUInt8(4)
  const blockBytes = BLOCK_BYTES.get((bytes.readUInt8(5) >> 4) & 7)
  if (blockBytes === undefined) throw new Error('an LZ4 frame of unknown block size')
  const hasBlockChecksum = (flags & 0x10) !== 0
  const hasContentSize = (flags & 0x08) !== 0
  const hasContentChecksum = (flags & 0x04) !== 0
  const hasDictionary = (flags & 0x01) !== 0

  let position = 7 + (hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0)
  let mostBytes = 0
  for (;;) {
    const header = bytes.readUInt32LE(position)
    position += 4
    if (header === 0) break
    const size = header & 0x7fffffff
    const isPlain = header > 0x7fffffff
    mostBytes += isPlain ? size : Math.min(blockBytes, size * MOST_PER_BYTE)
    position += size + (hasBlockChecksum ? 4 : 0)
  }
  position += hasContentChecksum ? 4 : 0
  // a second frame would go past the cap unseen; no producer sends one
  if (position !== bytes.length) throw new Error('an LZ4 frame with bytes behind its end')
  return { mostBytes, blockBytes }
}
