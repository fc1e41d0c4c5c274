/**
 * Looks after the checkpoints between batches: at every new connection to Redis, and every ten
 * seconds, so that a loss is noticed also where no events come.
 */
import type { GroupStore } from '../../pipeline/ports.ts'

const TICK_MS = 1000
const LOOK_EVERY_TICKS = 10

/**
 * @param look whose failures are outages, known elsewhere
 * @returns what ends the watch
 */
export function watchState(
  store: Pick<GroupStore, 'connection'>,
  look: () => Promise<void>,
): () => void {
  let connection = store.connection
  let ticks = 0
  const timer = setInterval(() => {
    ticks++
    if (store.connection === connection && ticks % LOOK_EVERY_TICKS !== 0) return
    const current = store.connection
    look().then(
      () => {
        connection = current
      },
      () => {}, // again at the next tick, where the connection is new
    )
  }, TICK_MS)
  timer.unref()
  return () => clearInterval(timer)
}
