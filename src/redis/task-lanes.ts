/**
 * Runs the tasks, some at a time; each is taken from the iterable only once there is room.
 *
 * @throws the first failure; then no further task is begun, and none is under way any more
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
