import { createRequire } from 'node:module'
import type { Kafka, KafkaConfig } from 'kafkajs'
import { applyAmendments } from '../../../../src/kafka/amendments/amendments.ts'
import { type ClientHooks, setHooks } from '../../../../src/kafka/amendments/client-hooks.ts'
import type { Load } from '../../../../src/kafka/amendments/kafkajs-parts.ts'
import { fetchLimits } from '../../../../src/kafka/wire/fetch-response.ts'

const require = createRequire(import.meta.url)

/** Loads all modules of kafkajs once more, so that amending them leaves earlier ones alone. */
export function freshKafkajs(): Load {
  for (const file of Object.keys(require.cache)) {
    if (file.includes('/node_modules/kafkajs/')) delete require.cache[file]
  }
  return require
}

/** Loads a kafkajs with all amendments. `part` gives one of its modules, by its path below src. */
export function amendedKafkajs() {
  const load = freshKafkajs()
  applyAmendments(load)
  const { Kafka } = load('kafkajs') as { Kafka: new (config: KafkaConfig) => Kafka }
  return {
    part: <Part>(path: string) => load(`kafkajs/src/${path}`) as Part,
    /** Creates a client of ours, which connects to nothing. */
    createClient: (hooks: Partial<ClientHooks> = {}): Kafka => {
      const client = createForeignClient(Kafka)
      setHooks(client, { fetchLimits: fetchLimits(1024 * 1024), ...hooks })
      return client
    },
    createForeignClient: (): Kafka => createForeignClient(Kafka),
  }
}

function createForeignClient(Client: new (config: KafkaConfig) => Kafka): Kafka {
  return new Client({ brokers: ['127.0.0.1:1'], logLevel: 0 })
}
