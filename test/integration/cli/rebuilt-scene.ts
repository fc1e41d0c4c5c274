/** Scenes whose state in Redis is damaged and rebuilt from the topic. */
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { inject, onTestFinished } from 'vitest'
import { pauseKey } from '../../../src/redis/keys.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import { type Environment, type Outcome, run, start } from '../../setup/cli/command-line.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { openTestRedis } from '../../setup/redis/connection.ts'
import type { Scene } from '../../setup/scene/scene.ts'
import { startOwnRedis } from '../../setup/servers/own-redis.ts'
import { until } from '../../setup/waiting.ts'

/** Adds values, clocks, members and index entries without an event, and deletes others. */
export async function corrupt({ redis, config }: Scene): Promise<void> {
  const group = (id: number) => `${config.redis.groupPrefix}{group ${id}}`
  const user = (id: string) => `${config.redis.userPrefix}{user ${id}}`
  for (let id = 0; id < 10; id++) {
    await redis.hset(group(id), 'plan', 'corrupted', 'by hand', 'x')
    if ((await redis.exists(`${group(id)}:clock`)) === 1) {
      await redis.hset(`${group(id)}:clock`, 'by hand', '9000000000000000j')
    }
    await redis.hdel(group(id), 'employees')
    await redis.zadd(`${group(id)}:members`, 9e15, 'user 3', 5, 'of nobody')
    await redis.zadd(`${user(`${id}`)}:groups`, 7, `group ${id + 1}`, 7, 'no group')
    await redis.unlink(`${group(id + 20)}:left`, `${user(`${id + 20}`)}:groups`)
    await redis.unlink(group(id + 40), `${group(id + 40)}:clock`)
  }
  await redis.zadd(`${user('of nobody')}:left`, 1, 'group 1')
}

/** Adds groups without any event in the topic, one of them with an entry in the user index. */
export async function addUnknown({ config }: Scene): Promise<void> {
  const connection = openTestRedis(config.redis.url, config.redis)
  await openGroupStore(connection).merge([
    patchOf('unknown a', { clock: 1, traits: { plan: 'x' }, users: { 'unknown user': true } }),
    patchOf('unknown b', { clock: 1, traits: { removed: null } }),
  ])
  connection.close()
}

export async function unknownKeys({ redis, config }: Scene): Promise<string[]> {
  const { groupPrefix, userPrefix } = config.redis
  const found = await Promise.all([
    redis.keys(`${groupPrefix}*unknown*`),
    redis.keys(`${userPrefix}*unknown*`),
  ])
  return found.flat()
}

export async function contents({
  redis,
  config,
}: Scene): Promise<Record<string, string | undefined>> {
  const prefix = config.redis.groupPrefix.slice(0, -'group:'.length)
  const keys = await redis.keys(`${prefix}*`)
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)))
  return Object.fromEntries(keys.map((key, i) => [key, dumps[i]?.toString('hex')]))
}

export function lockOf({ config }: Pick<Scene, 'config'>): string {
  return `${config.redis.groupPrefix}rebuild:lock`
}

export function pauseOf({ config }: Scene): string {
  return pauseKey(config.kafka.topic, config.kafka.groupId)
}

export function rebuild(scene: Scene, ...flags: string[]): Promise<Outcome> {
  return run(['rebuild', ...flags], environmentOf(scene))
}

export async function ownRedis(): Promise<string> {
  const server = await startOwnRedis(inject('redisServer'))
  onTestFinished(() => server.stop())
  return server.url
}

/** Starts a rebuild as a process of its own, to be interrupted. */
export function begin(scene: Scene, changes: Environment = {}) {
  const child = start(['rebuild'], { ...environmentOf(scene), ...changes })
  onTestFinished(() => void child.kill('SIGKILL'))
  let stderr = ''
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const stdout = text(child.stdout!)
  const outcome = once(child, 'close').then(async ([exitCode]): Promise<Outcome> => {
    return { exitCode, stdout: await stdout, stderr }
  })
  const said = (what: string) => until(`it says ${what}`, () => stderr.includes(what), 60_000)
  return { child, outcome, said }
}

function environmentOf({ config: { kafka, redis } }: Scene): Environment {
  return {
    KAFKA_BROKERS: kafka.brokers.join(','),
    KAFKA_TOPIC: kafka.topic,
    KAFKA_GROUP_ID: kafka.groupId,
    REDIS_URL: redis.url,
    REDIS_GROUP_PREFIX: redis.groupPrefix,
    REDIS_USER_PREFIX: redis.userPrefix,
  }
}
