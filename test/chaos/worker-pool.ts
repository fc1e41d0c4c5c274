/**
 * A pool of workers: processes of the built program, each in its own process group. The states of
 * a worker:
 *
 *     running --(kill, stop)--> ended --(start)--> running
 *     running --(it ends by itself)--> onDeath is called, and it is started again at once
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type ChildServer, startChildServer } from '../../src/local/servers/child-server.ts'
import type { Scene } from '../setup/scene/scene.ts'
import { BUILT_WORKER } from '../setup/worker/built-worker.ts'
import type { Servers } from './servers.ts'

export interface WorkerPool {
  readonly workers: readonly PoolWorker[]
  /** Starts one more worker. */
  add(): Promise<PoolWorker>
  /** Stops a worker and removes it from the pool. */
  stop(worker: PoolWorker): Promise<void>
  /** Stops all workers with SIGTERM. */
  stopAll(): Promise<void>
}

export interface WorkerPoolOptions {
  readonly scene: Scene
  readonly servers: Servers
  readonly size: number
  /** The prefix of the workers' names. */
  readonly name: string
  /** Called with a description when a worker ends by itself, or not with code 0 when stopped. */
  readonly onDeath: (description: string) => void
}

const ROOT = resolve(import.meta.dirname, '../..')
export const LOGS = join(ROOT, '.local/chaos')

export async function startWorkerPool(options: WorkerPoolOptions): Promise<WorkerPool> {
  await mkdir(LOGS, { recursive: true })
  const workers: PoolWorker[] = []
  let added = 0
  const add = async () => {
    added++
    const worker = new PoolWorker(`${options.name}-worker-${added}`, options)
    await worker.start()
    workers.push(worker)
    return worker
  }
  for (let count = 0; count < options.size; count++) await add()
  return {
    workers,
    add,
    async stop(worker) {
      await worker.stop()
      workers.splice(workers.indexOf(worker), 1)
    },
    async stopAll() {
      await Promise.all(workers.map((worker) => worker.stop()))
    },
  }
}

export class PoolWorker {
  readonly name: string
  private readonly options: WorkerPoolOptions
  private server: ChildServer | undefined
  private starts = 0
  private isEnding = false

  constructor(name: string, options: WorkerPoolOptions) {
    this.name = name
    this.options = options
  }

  get pid(): number {
    return this.current.pid
  }

  /** Starts it, or starts it again after `kill` or `stop`. */
  async start(): Promise<void> {
    const { name } = this
    const environment = environmentOf(this.options)
    this.starts++
    this.isEnding = false
    const started = await startChildServer({
      name,
      command: 'env',
      args: ['-i', ...environment, process.execPath, ...BUILT_WORKER.args],
      cwd: ROOT,
      logFile: join(LOGS, `${name}-${this.starts}.log`),
      readyLine: STARTED,
    })
    this.server = started
    started.ended.then(async (how) => {
      if (this.isEnding) return
      await this.reportDeath(how)
      await this.start()
    })
  }

  /** Whether its /readyz answers 200. */
  async isReady(): Promise<boolean> {
    const url = await urlOf(this.current.logFile)
    if (url === undefined) return false
    const { status } = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1000) })
    return status === 200
  }

  /** Ends it with SIGKILL. */
  async kill(): Promise<void> {
    this.isEnding = true
    process.kill(this.pid, 'SIGKILL')
    await this.current.ended
  }

  /** Ends it with SIGTERM; calls `onDeath` unless it exits with code 0 in time. */
  async stop(): Promise<void> {
    const { pid, ended } = this.current
    this.isEnding = true
    process.kill(pid, 'SIGTERM')
    const killing = setTimeout(() => process.kill(pid, 'SIGKILL'), STOP_TIMEOUT_MS)
    const how = await ended
    clearTimeout(killing)
    if (how !== EXIT_0) await this.reportDeath(how)
  }

  private get current(): ChildServer {
    if (this.server === undefined) throw new Error(`${this.name} was never started`)
    return this.server
  }

  private async reportDeath(how: string): Promise<void> {
    const { logFile } = this.current
    const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-5)
    this.options.onDeath(
      `${this.name} ended ${how}; the last lines of ${logFile}:\n  ${lines.join('\n  ')}`,
    )
  }
}

const STARTED = 'the worker starts'
const EXIT_0 = 'with code 0'
/** Longer than the workers' own shutdown deadline. */
const STOP_TIMEOUT_MS = 15_000

function environmentOf({ scene, servers }: WorkerPoolOptions): string[] {
  const { config } = scene
  const { kafka, redis, redisProxy } = servers
  const settings = {
    KAFKA_BROKERS: kafka.brokers.join(','),
    KAFKA_TOPIC: config.kafka.topic,
    KAFKA_GROUP_ID: config.kafka.groupId,
    KAFKA_SESSION_TIMEOUT_MS: '6s',
    KAFKA_CONNECT_TIMEOUT_MS: '2s',
    KAFKA_REQUEST_TIMEOUT_MS: '5s',
    REDIS_URL: redis.url.replace(`:${redis.port}`, `:${redisProxy.port}`),
    REDIS_GROUP_PREFIX: config.redis.groupPrefix,
    REDIS_USER_PREFIX: config.redis.userPrefix,
    REDIS_CONNECT_TIMEOUT_MS: '2s',
    REDIS_COMMAND_TIMEOUT_MS: '1s',
    HTTP_PORT: '0',
    LOG_FORMAT: 'json',
  }
  return Object.entries(settings).map(([name, value]) => `${name}=${value}`)
}

async function urlOf(logFile: string): Promise<string | undefined> {
  const lines = (await readFile(logFile, 'utf8')).split('\n')
  const line = lines.find((text) => text.includes(STARTED))
  return line === undefined ? undefined : (JSON.parse(line) as { url: string }).url
}
