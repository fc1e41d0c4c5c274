/** A consumer that does nothing, with the settings of the worker: the cost of idling with kafkajs. */
import { Kafka, logLevel } from 'kafkajs'
import { loadConfig } from '../../../src/app/config/loader.ts'
import { consumerConfig } from '../../../src/kafka/client/client.ts'

const { config } = loadConfig({
  file: undefined,
  environment: process.env,
  flags: new Map(),
  needsKafka: true,
  localEndpoints: undefined,
  readFile: () => '',
})
const { brokers, topic, concurrentPartitions } = config.kafka
const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.ERROR })
const consumer = kafka.consumer(consumerConfig(config.kafka))

process.once('SIGTERM', () => consumer.disconnect())

await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await consumer.run({
  partitionsConsumedConcurrently: concurrentPartitions,
  eachBatch: async () => {},
})
