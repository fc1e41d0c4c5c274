/** Compression for the producer: kafkajs itself only knows gzip. */
import kafkajs from 'kafkajs'
import { CODECS } from '../setup/kafka/codecs.ts'

/** The compression of a topic's batches, by Kafka's names. */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** Registers the codec with kafkajs and returns its number. */
export function compressionId(name: Compression): number {
  const codec = CODECS.find((candidate) => candidate.name === name)
  if (codec === undefined) throw new Error(`There is no codec named ${name}`)
  if (name !== 'none') {
    kafkajs.CompressionCodecs[codec.id as keyof typeof kafkajs.CompressionCodecs] = () => ({
      compress: async ({ buffer }: { readonly buffer: Buffer }) => codec.compress(buffer),
      decompress: async () => {
        throw new Error('The benchmark only produces with kafkajs and never decompresses')
      },
    })
  }
  return codec.id
}
