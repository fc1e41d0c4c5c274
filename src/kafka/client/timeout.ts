import { Unavailable } from '../../pipeline/errors.ts'

/**
 * Waits for `work`, but not longer than the timeout. The work itself continues after that.
 *
 * @param what the work is, for the message: "leaving the consumer group"
 * @throws Unavailable after the timeout; what the work rejects with
 */
export async function withTimeout<Result>(
  work: Promise<Result>,
  timeoutMs: number,
  what: string,
): Promise<Result> {
  const { promise: expired, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Unavailable('kafka', `${what} took longer than ${timeoutMs} ms`)),
    timeoutMs,
  )
  try {
    return await Promise.race([work, expired])
  } finally {
    clearTimeout(timer)
  }
}
