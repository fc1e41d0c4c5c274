import type { Log } from '../../pipeline/ports.ts'
import { withDeadline } from './deadline.ts'

/**
 * Waits until `disconnecting` settles, at most until the deadline. Never rejects: if a client cannot
 * disconnect, the broker closes its connections, and ends a membership with its session timeout.
 *
 * @param what for the log: "leaving the consumer group"
 */
export async function waitForDisconnect(
  disconnecting: Promise<void>,
  deadlineMs: number,
  what: string,
  log: Log,
): Promise<void> {
  try {
    await withDeadline(disconnecting, deadlineMs, what)
  } catch (error) {
    log.debug({ error: String(error) }, `${what} failed: the connections are left to the brokers`)
  }
}
