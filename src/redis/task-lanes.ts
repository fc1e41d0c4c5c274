/**
 * Runs the tasks, at most `maxAtOnce` at a time. Takes each one from the iterable only when it can
 * run.
 *
 * @throws the first failure, once no task is in flight any more; after it no task is started
 */
export async function runTasks(
  tasks: Iterable<() => Promise<void>>,
  maxAtOnce: number,
): Promise<void> {
  const remaining = tasks[Symbol.iterator]()
  let failure: { readonly error: unknown } | undefined
  const runLane = async () => {
    while (failure === undefined) {
      try {
        const next = remaining.next()
        if (next.done) return
        await next.value()
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: maxAtOnce }, runLane))
  if (failure !== undefined) throw failure.error
}
