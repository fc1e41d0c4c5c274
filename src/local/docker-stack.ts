/** The local stack on Docker: the Kafka and the Redis of docker-compose.yml, on free ports. */

import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { findFreePorts } from './free-ports.ts'
import { guardByCommand } from './servers/guard.ts'
import { findRedisServer } from './servers/redis-server.ts'
import { runCommand } from './servers/run-command.ts'
import { StackFailed } from './servers/stack-failed.ts'
import type { LocalStackOptions, RunningServers } from './stack.ts'

const composeFile = resolve(import.meta.dirname, '../../docker-compose.yml')

/** Whether a Docker engine, with compose, answers. */
export async function dockerAnswers(): Promise<boolean> {
  const engine = ['version', '--format', '{{.Server.Version}}']
  for (const args of [engine, ['compose', 'version']]) {
    const { code } = await runCommand('docker', args, { timeoutMs: 5_000 })
    if (code !== 0) return false
  }
  return true
}

/** @throws StackFailed with what Docker said */
export async function startDockerStack(options: LocalStackOptions): Promise<RunningServers> {
  const { downloads, folder, report, ports, signal } = options
  const [kafkaPort, redisPort] = await findFreePorts([ports?.kafka ?? 0, ports?.redis ?? 0])
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
        RESTART: 'no', // where the engine ends before us, they must not be back with it
      },
      signal,
    })
    if (code !== 0) {
      throw new StackFailed(
        `docker compose could not start Kafka and Redis:\n${output.trimEnd()}\n` +
          'To do without Docker (Java 17 and Maven are needed): npm start -- --engine java',
      )
    }
  } catch (error) {
    await stop()
    throw error
  }
  return {
    kafkaBrokers: [`127.0.0.1:${kafkaPort}`],
    redisUrl: `redis://127.0.0.1:${redisPort}`,
    redisServer: (await findRedisServer(downloads)) ?? '',
    kafkaJars: '',
    stop,
  }
}

/** One project a folder, so that its volumes are that folder's data. */
function projectName(folder: string): string {
  const digest = createHash('sha256').update(resolve(folder)).digest('hex')
  return `group-traits-local-${digest.slice(0, 8)}`
}
