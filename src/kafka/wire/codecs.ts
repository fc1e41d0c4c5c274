/**
 * What producers compress batches with: gzip, snappy, lz4, zstd, by the numbers that Kafka
 * gives them. None of them inflates more than it is told to, whatever the bytes claim.
 */
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { decompressLz4 } from './lz4-frame.ts'
import { decompressSnappy } from './snappy-frame.ts'
import { TooLarge } from './too-large.ts'

/**
 * @param codec bits 0 to 2 of a batch's attributes
 * @throws TooLarge over the cap; any other error where the bytes are not what they should be
 */
export async function decompress(codec: number, bytes: Buffer, capBytes: number): Promise<Buffer> {
  switch (codec) {
    case 0:
      return bytes
    case 1:
      return await capped(gunzip, bytes, capBytes)
    case 2:
      return decompressSnappy(bytes, capBytes)
    case 3:
      return await decompressLz4(bytes, capBytes)
    case 4:
      return await capped(unzstd, bytes, capBytes)
    default:
      throw new Error(`compression type ${codec} is unknown`)
  }
}

type Zlib = (
  bytes: Buffer,
  options: { maxOutputLength: number; chunkSize: number },
) => Promise<Buffer>

const gunzip: Zlib = promisify(zlib.gunzip)
const unzstd: Zlib = promisify(zlib.zstdDecompress)
const CHUNK_BYTES = 64 * 1024

async function capped(inflate: Zlib, bytes: Buffer, capBytes: number): Promise<Buffer> {
  try {
    return await inflate(bytes, { maxOutputLength: Math.max(1, capBytes), chunkSize: CHUNK_BYTES })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ERR_BUFFER_TOO_LARGE') throw new TooLarge('over the cap', { cause: error })
    throw error
  }
}
