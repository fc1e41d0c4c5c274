/** What the figures were measured on. */
import { execFile } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { promisify } from 'node:util'
import type { Servers } from './servers.ts'

export interface Machine {
  readonly cpu: string
  readonly cpus: number
  readonly memoryGiB: number
  readonly os: string
  readonly node: string
  readonly redis: string | undefined
  /** Undefined of a Kafka that was given: kafkajs does not learn it. */
  readonly kafka: string | undefined
}

export async function describeMachine({ redis, kafkaVersion }: Servers): Promise<Machine> {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cpus: cpus().length,
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    os: `${process.platform} ${process.arch}`,
    node: process.version,
    redis: /^redis_version:(\S+)/m.exec(await redis.info('server'))?.[1],
    kafka: kafkaVersion,
  }
}

/** The commit that is checked out; undefined outside of a checkout. */
export async function currentCommit(): Promise<string | undefined> {
  try {
    const cwd = import.meta.dirname
    const { stdout } = await promisify(execFile)('git', ['rev-parse', 'HEAD'], { cwd })
    return stdout.trim()
  } catch {
    return undefined
  }
}
