import type { RedisConnection } from '../connection/connection.ts'
import { startFailureOf } from '../connection/server-check.ts'

/**
 * Sends commands as soon as the first attempt to connect is over, and translates what the client
 * throws.
 *
 * @throws Unavailable; NotRetriable for a refused password or right, as at start
 */
export async function ask<Answer>(
  connection: RedisConnection,
  send: () => Promise<Answer>,
): Promise<Answer> {
  await connection.opened
  try {
    return await send()
  } catch (error) {
    // without a connection, the reason why there is none says more than the failed command
    throw startFailureOf(connection, connection.ready ? error : (connection.lastError ?? error))
  }
}
