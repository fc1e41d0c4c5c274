import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves with the first truthy result of `attempt`, asked again and again; errors count as none. */
export async function until<Result>(
  what: string,
  attempt: () => Promise<Result> | Result,
  deadlineMs = 20_000,
): Promise<NonNullable<Result>> {
  const deadline = performance.now() + deadlineMs
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
