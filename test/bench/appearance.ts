import type { Redis } from 'ioredis'

/**
 * Sees keys appear in Redis: resolves with the moment, by `performance.now()`, in which a key
 * was first seen. All keys that are waited for are asked for together, again and again without
 * a pause; so a moment is late by one round trip at most.
 *
 * @throws if a key does not appear within the time
 */
export function watchKeys(redis: Redis, giveUpAfterMs: number): (key: string) => Promise<number> {
  const waiting = new Map<string, Waiting>()
  let isLooking = false

  return (key) => {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    waiting.set(key, { resolve, reject, since: performance.now() })
    if (!isLooking) look()
    return promise
  }

  async function look(): Promise<void> {
    isLooking = true
    while (waiting.size > 0) {
      const keys = [...waiting.keys()]
      const answers = (await redis.pipeline(keys.map((key) => ['exists', key])).exec()) ?? []
      const at = performance.now()
      keys.forEach((key, index) => {
        const { resolve, reject, since } = waiting.get(key)!
        const isThere = answers[index]?.[1] === 1
        if (isThere) resolve(at)
        else if (at - since > giveUpAfterMs) reject(new Error(`${key} never appeared in Redis`))
        else return
        waiting.delete(key)
      })
    }
    isLooking = false
  }
}

interface Waiting {
  readonly resolve: (at: number) => void
  readonly reject: (reason: Error) => void
  readonly since: number
}
