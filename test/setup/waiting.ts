import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Polls `attempt` every 20 ms and resolves with its first truthy result. An error counts as a
 * failed attempt.
 *
 * @param what the awaited condition, for the message of the timeout
 * @throws once the deadline has passed, with the last result or error as cause
 */
export async function until<Result>(
  what: string,
  attempt: () => Promise<Result> | Result,
  timeoutMs = 20_000,
): Promise<NonNullable<Result>> {
  const deadline = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const result = await attempt()
      if (result) return result
      last = result
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) throw new Error(`${what}: not in time`, { cause: last })
    await sleep(20)
  }
}
