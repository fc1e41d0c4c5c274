import { Redis } from 'ioredis'
import type { Servers } from './servers.ts'

export interface KeyWatcher {
  /**
   * Resolves with the time (of `performance.now()`) at which the key was first written; with
   * undefined if that takes too long or the run is interrupted.
   */
  waitFor(key: string): Promise<number | undefined>
  close(): void
}

/**
 * Watches for new keys in Redis by client tracking in broadcast mode: Redis sends a notification
 * when a key changes. Polling instead would take CPU time from what is measured. Redis notifies
 * once the command or script is done, so the key can be read by then.
 *
 * @param prefix of the keys; Redis notifies of every change of any key with this prefix
 */
export async function watchKeys(
  { redisUrl, signal }: Servers,
  prefix: string,
  giveUpAfterMs: number,
): Promise<KeyWatcher> {
  const waiting = new Map<string, Waiting>()
  // RESP2 needs two connections: one asks for tracking, the other receives the notifications
  const requester = new Redis(redisUrl, { protocol: 2 })
  const receiver = new Redis(redisUrl, { protocol: 2 })
  for (const client of [requester, receiver]) {
    client.on('error', () => {
      // the keys that are waited for time out, which is reported
    })
  }
  receiver.on('messageBuffer', (_, keys: unknown) => {
    const at = performance.now()
    if (Array.isArray(keys)) for (const key of keys) settle(String(key), at)
  })
  const id = await receiver.client('ID')
  await receiver.subscribe('__redis__:invalidate')
  await requester.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', `${id}`, 'BCAST', 'PREFIX', prefix)

  const expiry = setInterval(() => {
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
    waitFor(key) {
      const { promise, resolve } = Promise.withResolvers<number | undefined>()
      waiting.set(key, { resolve, since: performance.now() })
      return promise
    },
    close() {
      clearInterval(expiry)
      requester.disconnect()
      receiver.disconnect()
    },
  }
}

interface Waiting {
  readonly resolve: (at: number | undefined) => void
  readonly since: number
}
