/** Runs the command line as a process of its own. In this process: run-cli.ts, which is faster. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { inject } from 'vitest'

export interface Outcome {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

export type Environment = Readonly<Record<string, string>>

/** The shared Kafka and Redis, with a topic, a consumer group and key prefixes of the test's own. */
export function ownEnvironment(): Environment & { readonly KAFKA_TOPIC: string } {
  const name = `cli-test-${randomUUID().slice(0, 8)}`
  return {
    KAFKA_BROKERS: inject('kafkaBrokers').join(','),
    REDIS_URL: inject('redisUrl'),
    KAFKA_TOPIC: name,
    KAFKA_GROUP_ID: name,
    REDIS_GROUP_PREFIX: `${name}:group:`,
    REDIS_USER_PREFIX: `${name}:user:`,
    HTTP_PORT: '0',
  }
}

export function start(args: readonly string[], environment: Environment): ChildProcess {
  return spawn(process.execPath, ['src/main.ts', ...args], { env: { ...environment } })
}

/** Runs a command to its end. */
export async function run(
  args: readonly string[],
  environment: Environment,
  input = '',
): Promise<Outcome> {
  const child = start(args, environment)
  child.stdin?.on('error', () => {}) // the process may end before it has read everything
  child.stdin?.end(input)
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit'),
  ])
  return { exitCode, stdout, stderr }
}
