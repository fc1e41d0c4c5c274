import type { Log } from '../../pipeline/ports.ts'
import { withTimeout } from './timeout.ts'

/**
 * Waits until `disconnecting` settles, at most for `timeoutMs`. Never rejects: if a client cannot
 * disconnect, the broker closes its connections, and ends a membership with its session timeout.
 *
 * @param what for the log: "leaving the consumer group"
 */
export async function waitForDisconnect(
  disconnecting: Promise<void>,
  timeoutMs: number,
  what: string,
  log: Log,
): Promise<void> {
  try {
    await withTimeout(disconnecting, timeoutMs, what)
  } catch (error) {
    log.debug({ error: String(error) }, `${what} failed: the connections are left to the brokers`)
  }
}
