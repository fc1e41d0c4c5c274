import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Addresses (host:port) of the Kafka brokers that tests use. */
    kafkaBrokers: string[]
    redisUrl: string
    /** Path of a redis-server binary, for tests that need a Redis of their own; '' where unknown. */
    redisServer: string
    /** Java class path of the Kafka jars (`DIR/*`), for tests with the Java client; '' where unknown. */
    kafkaJars: string
  }
}

/** Gives every test the same Kafka and Redis; each uses topics and key prefixes of its own. */
export default function setup(project: TestProject): void {
  const { KAFKA_BROKERS = '127.0.0.1:19092', REDIS_URL = 'redis://127.0.0.1:16379' } = process.env
  project.provide('kafkaBrokers', KAFKA_BROKERS.split(','))
  project.provide('redisUrl', REDIS_URL)
  project.provide('redisServer', process.env.REDIS_SERVER ?? '')
  project.provide('kafkaJars', process.env.KAFKA_JARS ?? '')
}
