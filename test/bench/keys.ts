/** Counts, digests and removes keys in Redis. */
import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Servers } from './servers.ts'

const SCAN_COUNT = 2000

/** Counts the keys that match a glob. */
export async function countKeys(redis: Redis, pattern: string): Promise<number> {
  const found = new Set<string>()
  for await (const keys of scan(redis, pattern)) for (const key of keys) found.add(key)
  return found.size
}

/** Returns a digest of the keys that match a glob and of their values. */
export async function digestKeys(redis: Redis, pattern: string): Promise<string> {
  const digests = new Map<string, string>()
  for await (const keys of scan(redis, pattern)) {
    const pipeline = redis.pipeline()
    for (const key of keys) pipeline.dumpBuffer(key)
    const dumps = (await pipeline.exec()) ?? []
    keys.forEach((key, i) => {
      const dump = dumps[i]?.[1] as Buffer
      digests.set(key, createHash('sha1').update(key).update(dump).digest('base64'))
    })
  }
  const all = createHash('sha1')
  for (const digest of [...digests.values()].sort()) all.update(digest)
  return all.digest('base64')
}

/** Removes all keys that contain the text; on our own server simply all keys, which is faster. */
export async function removeKeys({ redis, isOwn }: Servers, text: string): Promise<void> {
  if (isOwn) {
    await redis.flushall('SYNC')
    return
  }
  for await (const keys of scan(redis, `*${text}*`)) {
    if (keys.length > 0) await redis.unlink(keys)
  }
}

async function* scan(redis: Redis, pattern: string): AsyncGenerator<string[]> {
  for await (const keys of redis.scanStream({ match: pattern, count: SCAN_COUNT })) {
    yield keys as string[]
  }
}
