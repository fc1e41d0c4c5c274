/**
 * A local Kafka and Redis, to try things out and for tests.
 *
 * Starting: create the folder, lock it, start the servers by an engine, write their endpoints for
 * other commands. Stopping: the same in reverse. Data in the folder are kept for the next start.
 */

import { mkdir } from 'node:fs/promises'
import { dockerAnswers, startDockerStack } from './docker-stack.ts'
import { removeEndpoints, writeEndpoints } from './endpoints.ts'
import { lockFolder } from './folder-lock.ts'
import { startJavaStack } from './java-stack.ts'
import type { RunningServers } from './running-servers.ts'
import type { Engine, LocalStackOptions } from './stack-options.ts'

export interface LocalStack extends RunningServers {
  readonly engine: Engine
}

/**
 * Starts Kafka and Redis on 127.0.0.1, and resolves once both answer. They run until `stop`, or
 * until this process ends, even if it is killed.
 *
 * @throws StackFailed, saying what is missing or went wrong, and what to do
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
