/**
 * Reads snappy, as producers write it: librdkafka one raw block, the Java client a frame of them:
 *
 *     Snappy = Block | Frame
 *     Frame  = magic              byte[8]   0x82 "SNAPPY" 0x00
 *              version            int32
 *              compatibleVersion  int32
 *              Chunk*
 *     Chunk  = length int32, Block
 *     Block  = uncompressedLength uvarint (32 bits), data byte*
 */
import { uncompressSync } from 'snappy'
import { ByteReader } from './byte-reader.ts'
import { TooLarge } from './too-large.ts'

const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const VERSIONS_BYTES = 8
const FRAME_HEADER_BYTES = MAGIC.length + VERSIONS_BYTES

/** @throws TooLarge before anything is inflated: a block cannot become longer than it declares */
export function decompressSnappy(bytes: Buffer, capBytes: number): Buffer {
  const blocks = isFrame(bytes) ? blocksOf(bytes) : [bytes]
  const size = blocks.reduce((sum, block) => sum + uncompressedLength(block), 0)
  if (size > capBytes) throw new TooLarge(`${size} bytes`)
  const plain = blocks.map((block) => Buffer.from(uncompressSync(block)))
  return plain.length === 1 && plain[0] !== undefined ? plain[0] : Buffer.concat(plain)
}

function isFrame(bytes: Buffer): boolean {
  return bytes.length >= FRAME_HEADER_BYTES && bytes.subarray(0, MAGIC.length).equals(MAGIC)
}

function blocksOf(frame: Buffer): Buffer[] {
  const reader = new ByteReader(frame)
  reader.position = FRAME_HEADER_BYTES
  const blocks: Buffer[] = []
  while (reader.remaining > 0) {
    const block = reader.slice(reader.int32())
    if (block === null) throw new RangeError('a snappy chunk of negative length')
    blocks.push(block)
  }
  return blocks
}

/** Reads more than 32 bits if they are there: the declared length must not look smaller. */
function uncompressedLength(block: Buffer): number {
  let length = 0
  for (let index = 0; index < UVARINT_BYTES; index++) {
    const byte = block[index]
    if (byte === undefined) break
    length += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return length
  }
  throw new RangeError('a snappy block without its length')
}

const UVARINT_BYTES = 5
