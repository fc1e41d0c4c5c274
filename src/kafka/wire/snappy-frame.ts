/**
 * Snappy as producers send it: raw (librdkafka), or in the Java client's framing: eight bytes
 * of magic, two versions, then chunks, each behind its length.
 */
import { uncompressSync } from 'snappy'
import { ByteReader } from './byte-reader.ts'
import { TooLarge } from './too-large.ts'

const JAVA_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const JAVA_HEADER_BYTES = 16

/** @throws TooLarge before anything is inflated: snappy declares its size, and keeps to it */
export function decompressSnappy(bytes: Buffer, capBytes: number): Buffer {
  const chunks = isJavaFramed(bytes) ? javaChunks(bytes) : [bytes]
  const size = chunks.reduce((sum, chunk) => sum + declaredBytes(chunk), 0)
  if (size > capBytes) throw new TooLarge(`${size} bytes`)
  const plain = chunks.map((chunk) => Buffer.from(uncompressSync(chunk)))
  return plain.length === 1 && plain[0] !== undefined ? plain[0] : Buffer.concat(plain)
}

function isJavaFramed(bytes: Buffer): boolean {
  return bytes.length >= JAVA_HEADER_BYTES && bytes.subarray(0, 8).equals(JAVA_MAGIC)
}

function javaChunks(bytes: Buffer): Buffer[] {
  const reader = new ByteReader(bytes)
  reader.position = JAVA_HEADER_BYTES
  const chunks: Buffer[] = []
  while (reader.remaining > 0) {
    const chunk = reader.slice(reader.int32())
    if (chunk === null) throw new RangeError('a snappy chunk of negative length')
    chunks.push(chunk)
  }
  return chunks
}

/** Raw snappy begins with the length of what it becomes: an unsigned varint of 32 bits. */
function declaredBytes(chunk: Buffer): number {
  let size = 0
  for (let index = 0; index < 5; index++) {
    const byte = chunk[index]
    if (byte === undefined) break
    size += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return size
  }
  throw new RangeError('no length at the head of a snappy block')
}
