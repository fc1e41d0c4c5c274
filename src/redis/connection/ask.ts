/** Asks Redis something, and translates what the client throws. */
import type { RedisConnection } from './connection.ts'
import { failureOf } from './error-translation.ts'
import { startFailureOf } from './server-check.ts'

/**
 * Runs this once the first attempt to connect has ended, and returns its result.
 *
 * @throws Unavailable if Redis is away or rejects commands for now; any other error unchanged
 */
export async function ask<Reply>(
  connection: RedisConnection,
  run: () => Promise<Reply>,
): Promise<Reply> {
  await connection.opened
  try {
    return await run()
  } catch (error) {
    // read now: the connection may have broken during the call
    throw failureOf(error, connection.lastError)
  }
}

/**
 * Like `ask`, for commands of the CLI and for whatever else happens at start: there an error that
 * waiting does not resolve, such as a wrong password, is `NotRetriable`.
 *
 * @throws NotRetriable, Unavailable; any other error unchanged
 */
export async function askAtStart<Reply>(
  connection: RedisConnection,
  run: () => Promise<Reply>,
): Promise<Reply> {
  await connection.opened
  try {
    return await run()
  } catch (error) {
    throw startFailureOf(connection, connection.ready ? error : (connection.lastError ?? error))
  }
}
