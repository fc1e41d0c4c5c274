/** A local Kafka and Redis, for trying things out and for tests. */

import { mkdir } from 'node:fs/promises'
import { dockerAnswers, startDockerStack } from './docker-stack.ts'
import { removeEndpoints, writeEndpoints } from './endpoints.ts'
import { lockFolder } from './folder-lock.ts'
import { startJavaStack } from './java-stack.ts'

export type Engine = 'docker' | 'java'

export interface LocalStackOptions {
  /** Where data, logs and the lock are kept; a later start in it reuses the data. */
  readonly folder: string
  /** Where downloads are kept for every later start, whatever its folder. */
  readonly downloads: string
  /** Told in a few words what is going on; the first start downloads for a minute or so. */
  readonly report: (progress: string) => void
  /** Docker where an engine answers, else Java, unless it is given. */
  readonly engine?: Engine
  /** Wanted ports on 127.0.0.1; a taken one is passed over. Any free ones unless given. */
  readonly ports?: StackPorts
  /** Ends a start under way; what has been started by then is stopped. */
  readonly signal?: AbortSignal
}

export interface StackPorts {
  readonly kafka: number
  readonly redis: number
}

/** The servers that an engine brought up. */
export interface RunningServers {
  /** Addresses, host:port. */
  readonly kafkaBrokers: string[]
  readonly redisUrl: string
  /** Path of a redis-server binary, '' where there is none. */
  readonly redisServer: string
  /** Java class path of the Kafka jars (`DIR/*`), '' where there is none. */
  readonly kafkaJars: string
  /** Ends the servers within seconds; their data stay. */
  stop(): Promise<void>
}

export interface LocalStack extends RunningServers {
  readonly engine: Engine
}

/**
 * Brings up Kafka and Redis on 127.0.0.1 and resolves once both answer.
 * They end with `stop`, and by themselves if this process is killed.
 *
 * @throws StackFailed: what is missing or went wrong, and what to do
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  await mkdir(options.folder, { recursive: true })
  const lock = await lockFolder(options.folder)
  try {
    const engine = options.engine ?? ((await dockerAnswers()) ? 'docker' : 'java')
    const servers = await (engine === 'docker' ? startDockerStack : startJavaStack)(options)
    await writeEndpoints(options.folder, servers)
    const stop = async () => {
      await removeEndpoints(options.folder)
      await servers.stop()
      await lock.release()
    }
    return { ...servers, engine, stop }
  } catch (error) {
    await lock.release()
    throw error
  }
}
