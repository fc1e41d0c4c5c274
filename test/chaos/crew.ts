/**
 * Workers of the built program, in process groups of their own, with somebody who starts again
 * whoever ended. A worker is running, or ended on purpose (until `startAgain`), or died by
 * itself: then that is told, and another one takes its place.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type ChildServer, startChildServer } from '../../src/local/servers/child-server.ts'
import type { Scene } from '../setup/scene/scene.ts'
import { BUILT_WORKER } from '../setup/worker/built-worker.ts'
import type { Servers } from './servers.ts'

export interface Crew {
  readonly members: readonly Member[]
  /** One more. */
  hire(): Promise<Member>
  /** Ends all of them in good order. */
  dismiss(): Promise<void>
}

export interface Member {
  readonly name: string
  readonly pid: number
  /** Whether it says that it does its work. */
  isReady(): Promise<boolean>
  /** Ends it at once. */
  kill(): Promise<void>
  /** Ends it in good order; where it does not end so, that is told. */
  stop(): Promise<void>
  startAgain(): Promise<void>
  /** It was stopped, and is not to be counted any more. */
  leave(): void
}

export interface CrewOptions {
  readonly scene: Scene
  readonly servers: Servers
  readonly size: number
  /** Begins the names of members. */
  readonly name: string
  /** Told of one that ended without being asked to, or not as it was asked to. */
  readonly onDeath: (logOf: string) => void
}

const ROOT = resolve(import.meta.dirname, '../..')
export const LOGS = join(ROOT, '.local/chaos')

export async function startCrew(options: CrewOptions): Promise<Crew> {
  await mkdir(LOGS, { recursive: true })
  const members: Member[] = []
  let hired = 0
  const hire = async () => {
    hired++
    const name = `${options.name}-worker-${hired}`
    const leave = (member: Member) => void members.splice(members.indexOf(member), 1)
    const member = await startMember(name, options, leave)
    members.push(member)
    return member
  }
  for (let count = 0; count < options.size; count++) await hire()
  return {
    members,
    hire,
    async dismiss() {
      await Promise.all(members.map((member) => member.stop()))
    },
  }
}

async function startMember(
  name: string,
  { scene, servers, onDeath }: CrewOptions,
  leave: (member: Member) => void,
): Promise<Member> {
  const environment = environmentOf(scene, servers)
  let starts = 0
  let isAskedToEnd = false
  let server: ChildServer

  const start = async () => {
    starts++
    isAskedToEnd = false
    const started = await startChildServer({
      name,
      command: 'env',
      args: ['-i', ...environment, process.execPath, ...BUILT_WORKER.args],
      cwd: ROOT,
      logFile: join(LOGS, `${name}-${starts}.log`),
      readyLine: STARTED,
    })
    server = started
    started.ended.then(async (how) => {
      if (isAskedToEnd) return
      onDeath(await storyOf(name, how, started.logFile))
      await start()
    })
  }
  await start()

  const member: Member = {
    name,
    get pid() {
      return server.pid
    },
    async isReady() {
      const url = await urlOf(server.logFile)
      if (url === undefined) return false
      const { status } = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1000) })
      return status === 200
    },
    async kill() {
      isAskedToEnd = true
      process.kill(server.pid, 'SIGKILL')
      await server.ended
    },
    async stop() {
      isAskedToEnd = true
      process.kill(server.pid, 'SIGTERM')
      const late = setTimeout(() => process.kill(server.pid, 'SIGKILL'), STOP_DEADLINE_MS)
      const how = await server.ended
      clearTimeout(late)
      if (how !== IN_GOOD_ORDER) onDeath(await storyOf(name, how, server.logFile))
    },
    startAgain: start,
    leave: () => leave(member),
  }
  return member
}

const STARTED = 'the worker starts'
const IN_GOOD_ORDER = 'with code 0'
/** More than the workers give themselves. */
const STOP_DEADLINE_MS = 15_000

function environmentOf({ config }: Scene, { kafka, redis, redisProxy }: Servers): string[] {
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

async function storyOf(name: string, how: string, logFile: string): Promise<string> {
  const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-5)
  return `${name} ended ${how}; ${logFile} closes with:\n  ${lines.join('\n  ')}`
}
