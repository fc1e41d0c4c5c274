import { Unavailable } from '../../pipeline/errors.ts'

/**
 * Waits for `work`, but only for so long. The work itself is not stopped at the deadline.
 *
 * @param what the work is, for the message: "leaving the consumer group"
 * @throws Unavailable at the deadline; what the work rejects with
 */
export async function withDeadline<Result>(
  work: Promise<Result>,
  deadlineMs: number,
  what: string,
): Promise<Result> {
  const { promise: expired, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Unavailable('kafka', `${what} took longer than ${deadlineMs} ms`)),
    deadlineMs,
  )
  try {
    return await Promise.race([work, expired])
  } finally {
    clearTimeout(timer)
  }
}
