/**
 * Decompresses record batches. Whatever the bytes claim, no codec inflates beyond the cap: a few
 * kilobytes may stand for gigabytes.
 */
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { decompressLz4 } from './lz4-frame.ts'
import { decompressSnappy } from './snappy-frame.ts'
import { TooLarge } from './too-large.ts'

/** As Kafka numbers them, in bits 0 to 2 of a batch's attributes. */
const NONE = 0
const GZIP = 1
const SNAPPY = 2
const LZ4 = 3
const ZSTD = 4

/**
 * @throws TooLarge if the result would exceed the cap
 * @throws Error if the bytes are not what the codec writes, or the codec is unknown
 */
export async function decompress(codec: number, bytes: Buffer, capBytes: number): Promise<Buffer> {
  switch (codec) {
    case NONE:
      return bytes
    case GZIP:
      return await inflateCapped(gunzip, bytes, capBytes)
    case SNAPPY:
      return decompressSnappy(bytes, capBytes)
    case LZ4:
      return await decompressLz4(bytes, capBytes)
    case ZSTD:
      return await inflateCapped(unzstd, bytes, capBytes)
    default:
      throw new Error(`compression type ${codec} is unknown`)
  }
}

type Inflate = (
  bytes: Buffer,
  options: { maxOutputLength: number; chunkSize: number },
) => Promise<Buffer>

const gunzip: Inflate = promisify(zlib.gunzip)
const unzstd: Inflate = promisify(zlib.zstdDecompress)
const CHUNK_BYTES = 64 * 1024

async function inflateCapped(inflate: Inflate, bytes: Buffer, capBytes: number): Promise<Buffer> {
  try {
    return await inflate(bytes, { maxOutputLength: Math.max(1, capBytes), chunkSize: CHUNK_BYTES })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ERR_BUFFER_TOO_LARGE') throw new TooLarge('over the cap', { cause: error })
    throw error
  }
}
