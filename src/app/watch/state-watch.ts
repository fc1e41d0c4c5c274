/**
 * Checks the checkpoints between batches: at every new connection to Redis, and every ten seconds.
 * So a loss is noticed even when no events arrive.
 */
import type { GroupStore } from '../../pipeline/ports.ts'

const TICK_MS = 1000
const CHECK_EVERY_TICKS = 10

/**
 * Starts the watch.
 *
 * @param check its failures are ignored here: they are outages, which are reported elsewhere
 * @returns a function that ends the watch
 */
export function watchState(
  store: Pick<GroupStore, 'connection'>,
  check: () => Promise<void>,
): () => void {
  let checkedConnection = store.connection
  let ticks = 0
  const timer = setInterval(() => {
    ticks++
    if (store.connection === checkedConnection && ticks % CHECK_EVERY_TICKS !== 0) return
    const current = store.connection
    check().then(
      () => {
        checkedConnection = current
      },
      () => {}, // if the connection is new, the next tick checks again
    )
  }, TICK_MS)
  timer.unref()
  return () => clearInterval(timer)
}
