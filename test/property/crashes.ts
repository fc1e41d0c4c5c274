import type { RedisConnection } from '../../src/redis/connection/connection.ts'

/** What becomes of a call: it comes through, or the connection is cut before or after it ran. */
export type Fate = 'through' | 'cut before' | 'cut after'

/** A connection whose calls of scripts meet these fates, in turn; all later ones come through. */
export function withFates(connection: RedisConnection, fates: readonly Fate[]): RedisConnection {
  const coming = [...fates]
  const client = new Proxy(connection.client, {
    get(target, name) {
      const member = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return async (...args: unknown[]) => {
        const fate = coming.shift()
        if (fate === 'cut before') throw new Error('Connection is closed.')
        const reply = await member.apply(target, args)
        if (fate === 'cut after') throw new Error('Connection is closed.')
        return reply
      }
    },
  })
  return { ...connection, client }
}
