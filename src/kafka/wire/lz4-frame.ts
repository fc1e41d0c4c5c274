/**
 * Reads LZ4 frames (lz4_Frame_format.md), as the Java client and librdkafka write them:
 *
 *     Frame = magic            uint32   0x184D2204
 *             flags            uint8    bits 4 block checksums, 3 content size,
 *                                       2 content checksum, 0 dictionary id
 *             blockDescriptor  uint8    bits 4-6 maximum block size
 *             [contentSize     uint64]
 *             [dictionaryId    uint32]
 *             headerChecksum   uint8
 *             Block*
 *             endMark          uint32   0
 *             [contentChecksum uint32]
 *     Block = size             uint32   bit 31: not compressed
 *             data             byte*
 *             [blockChecksum   uint32]
 *
 * All integers are little-endian. The library decompresses a frame whole and has no cap, so we walk
 * through its blocks first: their sizes bound what the frame can become.
 */
import { decompressFrame } from 'lz4-napi'
import { TooLarge } from './too-large.ts'

const MAGIC = 0x184d2204
const FLAGS_AT = 4
const BLOCK_DESCRIPTOR_AT = 5
/** Magic, flags, block descriptor and header checksum. */
const FIXED_HEADER_BYTES = 7

const HAS_BLOCK_CHECKSUMS = 0x10
const HAS_CONTENT_SIZE = 0x08
const HAS_CONTENT_CHECKSUM = 0x04
const HAS_DICTIONARY_ID = 0x01
const CONTENT_SIZE_BYTES = 8
const DICTIONARY_ID_BYTES = 4
const CHECKSUM_BYTES = 4

const MAX_BLOCK_BYTES = new Map([
  [4, 64 * 1024],
  [5, 256 * 1024],
  [6, 1024 * 1024],
  [7, 4096 * 1024],
])
const BLOCK_SIZE_BYTES = 4
const BLOCK_SIZE_MASK = 0x7fffffff
/** One byte of a compressed block becomes 255 bytes at most. */
const MAX_RATIO = 255

/** @throws TooLarge; no more than the cap and one block is inflated before */
export async function decompressLz4(bytes: Buffer, capBytes: number): Promise<Buffer> {
  const { maxBytes, maxBlockBytes } = boundsOf(bytes)
  // the last block is seldom full: content within the cap may have a bound of one block more
  if (maxBytes > capBytes + maxBlockBytes) throw new TooLarge(`up to ${maxBytes} bytes`)
  const plain = await decompressFrame(bytes)
  if (plain.length > capBytes) throw new TooLarge(`${plain.length} bytes`)
  return plain
}

interface FrameBounds {
  /** What the frame can become at most. */
  readonly maxBytes: number
  /** What one of its blocks can become at most. */
  readonly maxBlockBytes: number
}

function boundsOf(bytes: Buffer): FrameBounds {
  if (bytes.readUInt32LE(0) !== MAGIC) throw new Error('no LZ4 frame')
  const flags = bytes.readUInt8(FLAGS_AT)
  const has = (flag: number) => (flags & flag) !== 0
  const maxBlockBytes = MAX_BLOCK_BYTES.get((bytes.readUInt8(BLOCK_DESCRIPTOR_AT) >> 4) & 7)
  if (maxBlockBytes === undefined) throw new Error('an LZ4 frame of unknown block size')

  let position =
    FIXED_HEADER_BYTES +
    (has(HAS_CONTENT_SIZE) ? CONTENT_SIZE_BYTES : 0) +
    (has(HAS_DICTIONARY_ID) ? DICTIONARY_ID_BYTES : 0)
  let maxBytes = 0
  for (;;) {
    const blockSize = bytes.readUInt32LE(position)
    position += BLOCK_SIZE_BYTES
    if (blockSize === 0) break // the end mark
    const dataBytes = blockSize & BLOCK_SIZE_MASK
    const isCompressed = blockSize === dataBytes
    maxBytes += isCompressed ? Math.min(maxBlockBytes, dataBytes * MAX_RATIO) : dataBytes
    position += dataBytes + (has(HAS_BLOCK_CHECKSUMS) ? CHECKSUM_BYTES : 0)
  }
  position += has(HAS_CONTENT_CHECKSUM) ? CHECKSUM_BYTES : 0
  // the library would read a second frame, too, and past the cap; no producer sends one
  if (position !== bytes.length) throw new Error('an LZ4 frame with bytes after its end')
  return { maxBytes, maxBlockBytes }
}
