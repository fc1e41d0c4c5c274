import type { RedisConnection } from '../../../src/redis/connection/connection.ts'

/** Returns the same connection, except that `step` runs before each call of the given script. */
export function withStepBefore(
  connection: RedisConnection,
  script: string,
  step: () => Promise<void>,
): RedisConnection {
  const client = new Proxy(connection.client, {
    get(target, name) {
      const member = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      if (name !== script) return member.bind(target)
      return async (...args: unknown[]) => {
        await step()
        return member.apply(target, args)
      }
    },
  })
  return { ...connection, client }
}
