import { Unavailable } from '../../pipeline/errors.ts'

/**
 * What `work` comes to, or Unavailable once it took too long; the work itself may go on.
 *
 * @param what for the message: "the answer of the group's coordinator"
 */
export async function withDeadline<Result>(
  work: Promise<Result>,
  deadlineMs: number,
  what: string,
): Promise<Result> {
  const { promise: expired, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Unavailable('kafka', `${what} did not come within ${deadlineMs} ms`)),
    deadlineMs,
  )
  try {
    return await Promise.race([work, expired])
  } finally {
    clearTimeout(timer)
  }
}
