/** Compresses batches for tests. Decompression is what we test: it is the worker's own code. */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'

export interface Codec {
  readonly name: string
  /** Kafka's number of the codec. */
  readonly id: number
  readonly compress: (plain: Buffer) => Buffer
}

export const CODECS: readonly Codec[] = [
  { name: 'none', id: 0, compress: (plain) => plain },
  { name: 'gzip', id: 1, compress: (plain) => gzipSync(plain, { level: 1 }) },
  { name: 'snappy', id: 2, compress: (plain) => Buffer.from(compressSync(plain)) },
  { name: 'snappy of the Java client', id: 2, compress: (plain) => xerial([compressSync(plain)]) },
  { name: 'lz4', id: 3, compress: (plain) => compressFrameSync(plain) },
  {
    name: 'lz4 with checksums',
    id: 3,
    compress: (plain) => compressFrameSync(plain, { contentChecksum: true, blockChecksums: true }),
  },
  { name: 'zstd', id: 4, compress: (plain) => zstdCompressSync(plain) },
]

/** The framing of the Java client: magic, two versions, then chunks, each after its length. */
export function xerial(chunks: readonly Uint8Array[]): Buffer {
  const header = Buffer.from('82534e4150505900' + '00000001' + '00000001', 'hex')
  return Buffer.concat([
    header,
    ...chunks.flatMap((chunk) => {
      const size = Buffer.alloc(4)
      size.writeInt32BE(chunk.length)
      return [size, chunk]
    }),
  ])
}
