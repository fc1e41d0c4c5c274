/** Produces records with any codec. */
import { kafkajs, type Message } from '../../src/kafka/client/kafkajs.ts'
import type { KafkaSettings } from '../../src/kafka/client/settings.ts'
import type { Codec } from '../setup/kafka/codecs.ts'
import { produce } from '../setup/kafka/topics.ts'

const registry: Record<number, () => object> = kafkajs.CompressionCodecs

/** Produces the messages in one batch per partition. */
export async function produceWith(
  codec: Codec,
  settings: KafkaSettings,
  messages: Message[],
): Promise<void> {
  // only to produce: the worker decompresses with its own code
  if (codec.id > 0) {
    registry[codec.id] = () => ({
      compress: async ({ buffer }: { buffer: Buffer }) => codec.compress(buffer),
    })
  }
  await produce(settings, messages, codec.id)
}
