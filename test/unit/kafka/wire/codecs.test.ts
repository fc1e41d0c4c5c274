import { gzipSync, zstdCompressSync } from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { describe, expect, test } from 'vitest'
import { decompress } from '../../../../src/kafka/wire/codecs.ts'
import { TooLarge } from '../../../../src/kafka/wire/too-large.ts'

const MiB = 1024 * 1024
const PLAIN = Buffer.from('{"group_id":"account123"}'.repeat(10_000))

const CODECS = [
  ['gzip', 1, gzipSync],
  ['snappy, raw', 2, (plain: Buffer) => compressSync(plain)],
  ['snappy, as the Java client frames it', 2, javaSnappy],
  ['lz4', 3, (plain: Buffer) => compressFrameSync(plain)],
  [
    'lz4 with checksums',
    3,
    (plain: Buffer) => compressFrameSync(plain, { contentChecksum: true, blockChecksums: true }),
  ],
  ['zstd', 4, zstdCompressSync],
] as const

describe.each(CODECS)('%s', (_, codec, compress) => {
  test('is decompressed', async () => {
    expect((await decompress(codec, compress(PLAIN), MiB)).equals(PLAIN)).toBe(true)
  })

  test('is decompressed from the middle of a buffer', async () => {
    const inside = Buffer.concat([Buffer.alloc(61, 7), compress(PLAIN)]).subarray(61)
    expect((await decompress(codec, inside, MiB)).equals(PLAIN)).toBe(true)
  })

  test('may inflate to exactly the cap', async () => {
    expect(await decompress(codec, compress(PLAIN), PLAIN.length)).toHaveLength(PLAIN.length)
    const tooSmall = decompress(codec, compress(PLAIN), PLAIN.length - 1)
    await expect(tooSmall).rejects.toBeInstanceOf(TooLarge)
  })

  test('is not inflated beyond the cap', async () => {
    const bomb = compress(Buffer.alloc(64 * MiB))
    const before = process.memoryUsage()
    await expect(decompress(codec, bomb, MiB)).rejects.toBeInstanceOf(TooLarge)
    const { arrayBuffers, external } = process.memoryUsage()
    expect(arrayBuffers + external - before.arrayBuffers - before.external).toBeLessThan(16 * MiB)
  })

  test('that is cut off is an error', async () => {
    const whole = compress(PLAIN)
    const cut = decompress(codec, whole.subarray(0, whole.length - 20), MiB)
    await expect(cut).rejects.toBeInstanceOf(Error)
  })
})

test('a second lz4 frame, which would evade the cap, is an error', async () => {
  const frame = compressFrameSync(PLAIN)
  const two = decompress(3, Buffer.concat([frame, frame]), 10 * MiB)
  await expect(two).rejects.toThrow('bytes after its end')
})

test('a snappy block cannot inflate to more than it declares', async () => {
  const block = Buffer.from(compressSync(PLAIN))
  // declares 16 bytes instead of 250,000
  const understated = Buffer.concat([Buffer.from([16]), block.subarray(3)])
  await expect(decompress(2, understated, MiB)).rejects.toBeInstanceOf(Error)
})

function javaSnappy(plain: Buffer): Buffer {
  const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
  const chunks = [magic]
  for (let start = 0; start < plain.length; start += 32 * 1024) {
    const block = Buffer.from(compressSync(plain.subarray(start, start + 32 * 1024)))
    const size = Buffer.alloc(4)
    size.writeInt32BE(block.length)
    chunks.push(size, block)
  }
  return Buffer.concat(chunks)
}
