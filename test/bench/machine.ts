/** Describes the machine and the versions that were measured. */
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
  /** Undefined for a Kafka that we did not start: kafkajs does not know its version. */
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

/** Returns the commit that is checked out; undefined outside of a Git checkout. */
export async function currentCommit(): Promise<string | undefined> {
  try {
    const cwd = import.meta.dirname
    const { stdout } = await promisify(execFile)('git', ['rev-parse', 'HEAD'], { cwd })
    return stdout.trim()
  } catch {
    return undefined
  }
}
