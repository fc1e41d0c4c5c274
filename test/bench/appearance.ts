import { Redis } from 'ioredis'
import type { Servers } from './servers.ts'

export interface Appearances {
  /**
   * Resolves with the moment, by `performance.now()`, in which a key is first seen; undefined
   * where that takes too long, or the run is interrupted.
   */
  of(key: string): Promise<number | undefined>
  close(): void
}

/**
 * Sees keys appear in Redis, as Redis tells of it by itself (client tracking in broadcast mode):
 * so nobody has to ask again and again, which would take time from what is measured. It tells
 * once a command or a script is done, so what it tells of can be read.
 *
 * @param prefix what the keys begin with; Redis tells of every change of any such key
 */
export async function watchKeys(
  { redisUrl, signal }: Servers,
  prefix: string,
  giveUpAfterMs: number,
): Promise<Appearances> {
  const waiting = new Map<string, Waiting>()
  // in the older protocol one connection asks, and another one is told
  const asking = new Redis(redisUrl, { protocol: 2 })
  const told = new Redis(redisUrl, { protocol: 2 })
  for (const client of [asking, told]) {
    client.on('error', () => {
      // what does not appear is told
    })
  }
  told.on('messageBuffer', (_, keys: unknown) => {
    const at = performance.now()
    if (Array.isArray(keys)) for (const key of keys) settle(String(key), at)
  })
  const id = await told.client('ID')
  await told.subscribe('__redis__:invalidate')
  await asking.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', `${id}`, 'BCAST', 'PREFIX', prefix)

  const givingUp = setInterval(() => {
    const tooOld = performance.now() - giveUpAfterMs
    for (const [key, { since }] of waiting) {
      if (since < tooOld || signal.aborted) settle(key, undefined)
    }
  }, 100)

  function settle(key: string, at: number | undefined): void {
    waiting.get(key)?.resolve(at)
    waiting.delete(key)
  }

  return {
    of(key) {
      const { promise, resolve } = Promise.withResolvers<number | undefined>()
      waiting.set(key, { resolve, since: performance.now() })
      return promise
    },
    close() {
      clearInterval(givingUp)
      asking.disconnect()
      told.disconnect()
    },
  }
}

interface Waiting {
  readonly resolve: (at: number | undefined) => void
  readonly since: number
}
