/** Produces records as they are given, in whatever compression. */
import { kafkajs, type Message } from '../../src/kafka/client/kafkajs.ts'
import type { KafkaSettings } from '../../src/kafka/client/settings.ts'
import type { Codec } from '../setup/kafka/codecs.ts'
import { produce } from '../setup/kafka/topics.ts'

const registry: Record<number, () => object> = kafkajs.CompressionCodecs

/** One batch a partition. */
export async function produceWith(
  codec: Codec,
  settings: KafkaSettings,
  messages: Message[],
): Promise<void> {
  // what reads is our own decoder: kafkajs needs them to produce only
  if (codec.id > 0) {
    registry[codec.id] = () => ({
      compress: async ({ buffer }: { buffer: Buffer }) => codec.compress(buffer),
    })
  }
  await produce(settings, messages, codec.id)
}
