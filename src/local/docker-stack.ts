/** The local stack on Docker: the services `kafka` and `redis` of docker-compose.yml. */

import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { findFreePorts } from './free-ports.ts'
import { endpointsOn, type RunningServers } from './running-servers.ts'
import { guardByCommand } from './servers/guard.ts'
import { findRedisServer } from './servers/redis-server.ts'
import { runCommand } from './servers/run-command.ts'
import { StackFailed } from './servers/stack-failed.ts'
import type { LocalStackOptions } from './stack-options.ts'

const composeFile = resolve(import.meta.dirname, '../../docker-compose.yml')

/** Whether a Docker engine answers and compose is installed. */
export async function dockerAnswers(): Promise<boolean> {
  const engine = ['version', '--format', '{{.Server.Version}}']
  for (const args of [engine, ['compose', 'version']]) {
    const { code } = await runCommand('docker', args, { timeoutMs: 5_000 })
    if (code !== 0) return false
  }
  return true
}

/** @throws StackFailed, with the output of Docker */
export async function startDockerStack(options: LocalStackOptions): Promise<RunningServers> {
  const { downloads, folder, report, ports, signal } = options
  const [kafkaPort = 0, redisPort = 0] = await findFreePorts([ports?.kafka ?? 0, ports?.redis ?? 0])
  const compose = ['compose', '--file', composeFile, '--project-name', projectName(folder)]
  const stopCommand = [...compose, 'stop', '--timeout', '10', 'kafka', 'redis']
  const guard = guardByCommand(['docker', ...stopCommand])
  const stop = async () => {
    await runCommand('docker', stopCommand)
    guard.dismiss()
  }
  report('Starting Kafka and Redis in Docker (the first time it downloads their images)')
  try {
    const up = [...compose, '--progress', 'plain', 'up', '--detach', '--wait', 'kafka', 'redis']
    const { code, output } = await runCommand('docker', up, {
      env: {
        ...process.env,
        KAFKA_PORT: `${kafkaPort}`,
        REDIS_PORT: `${redisPort}`,
        RESTART: 'no', // if the engine stops and starts again, it must not start the servers
      },
      signal,
    })
    if (code !== 0) {
      throw new StackFailed(
        `docker compose could not start Kafka and Redis:\n${output.trimEnd()}\n` +
          'To run them without Docker (needs Java 17 and Maven): npm start -- --engine java',
      )
    }
  } catch (error) {
    await stop()
    throw error
  }
  return {
    ...endpointsOn(kafkaPort, redisPort),
    redisServer: (await findRedisServer(downloads)) ?? '',
    kafkaJars: '',
    stop,
  }
}

/** Each folder has a compose project of its own, so the project's volumes are the folder's data. */
function projectName(folder: string): string {
  const digest = createHash('sha256').update(resolve(folder)).digest('hex')
  return `group-traits-local-${digest.slice(0, 8)}`
}
