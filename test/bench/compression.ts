/** Producing compressed batches: kafkajs compresses with gzip only by itself. */
import kafkajs from 'kafkajs'
import { CODECS } from '../setup/kafka/codecs.ts'

/** Of the batches of a topic, by the names that Kafka has for them. */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** The codec's number for the producer, which knows it from now on. */
export function compressionId(name: Compression): number {
  const codec = CODECS.find((candidate) => candidate.name === name)
  if (codec === undefined) throw new Error(`There is no codec named ${name}`)
  if (name !== 'none') {
    kafkajs.CompressionCodecs[codec.id as keyof typeof kafkajs.CompressionCodecs] = () => ({
      compress: async ({ buffer }: { readonly buffer: Buffer }) => codec.compress(buffer),
      decompress: async () => {
        throw new Error('Nothing is read here')
      },
    })
  }
  return codec.id
}
