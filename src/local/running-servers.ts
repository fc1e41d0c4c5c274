import type { LocalEndpoints } from './endpoints.ts'

/** The Kafka and the Redis that an engine started. */
export interface RunningServers extends LocalEndpoints {
  /** Path of a redis-server program, for tests that start one of their own; '' if there is none. */
  readonly redisServer: string
  /** Java class path of the Kafka jars (`DIR/*`); '' if there are none. */
  readonly kafkaJars: string
  /** Stops the servers within seconds. Their data are kept. */
  stop(): Promise<void>
}

/** Returns the endpoints of servers that listen on these ports of 127.0.0.1. */
export function endpointsOn(kafkaPort: number, redisPort: number): LocalEndpoints {
  return {
    kafkaBrokers: [`127.0.0.1:${kafkaPort}`],
    redisUrl: `redis://127.0.0.1:${redisPort}`,
  }
}
