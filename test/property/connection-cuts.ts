import type { RedisConnection } from '../../src/redis/connection/connection.ts'

/** The outcome of a call: it succeeds, or the connection is cut before or after the script runs. */
export type CallOutcome = 'success' | 'cut before' | 'cut after'

/** Returns a connection whose calls have these outcomes, in turn; all later calls succeed. */
export function withConnectionCuts(
  connection: RedisConnection,
  callOutcomes: readonly CallOutcome[],
): RedisConnection {
  const remaining = [...callOutcomes]
  const client = new Proxy(connection.client, {
    get(target, name) {
      const member = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return async (...args: unknown[]) => {
        const outcome = remaining.shift()
        if (outcome === 'cut before') throw new Error('Connection is closed.')
        const reply = await member.apply(target, args)
        if (outcome === 'cut after') throw new Error('Connection is closed.')
        return reply
      }
    },
  })
  return { ...connection, client }
}
