/** The Kafka and the Redis of a run, each behind a proxy that can break connections. */
import { downloadsFolder } from '../../src/local/endpoints.ts'
import { getPrograms } from '../../src/local/servers/programs.ts'
import { type OwnBroker, startBroker } from '../setup/servers/own-broker.ts'
import { type OwnRedis, startOwnRedis } from '../setup/servers/own-redis.ts'
import { startProxy, type TcpProxy } from '../setup/servers/proxy.ts'

export interface Servers {
  readonly kafka: OwnBroker
  readonly redis: OwnRedis
  readonly redisProxy: TcpProxy
  /** Stops both and removes their data. */
  stop(): Promise<void>
}

/** Redis acknowledges a write only once it is on disk, so that a kill loses nothing. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']

export async function startServers(report: (progress: string) => void): Promise<Servers> {
  const { kafkaJars, redisServer } = await getPrograms({ downloads: downloadsFolder, report })
  report('starting Kafka and Redis')
  const kafka = await startBroker(kafkaJars)
  const redis = await startOwnRedis(redisServer, { args: DURABLE })
  const redisProxy = await startProxy(redis.port)
  return {
    kafka,
    redis,
    redisProxy,
    async stop() {
      await Promise.all([kafka.stop(), redis.stop(), redisProxy.close()])
    },
  }
}
