/** ioredis 6 warns on the console, at each connection anew, and has no switch for it. */
import type { Log } from '../../pipeline/ports.ts'

/**
 * From now on, for this process, what ioredis warns of goes to the log, once; other warnings
 * go where they went. A later call changes the log only.
 */
export function routeClientWarnings(to: Log): void {
  log = to
  isTold = false
  if (isRouted) return
  isRouted = true
  const { warn } = console
  console.warn = (...args: unknown[]) => {
    const text = String(args[0])
    if (UNASKED_PASSWORD.test(text)) tellOnce()
    else if (!TOLD_BY_THE_CHECK.test(text)) warn(...args)
  }
}

const UNASKED_PASSWORD = /^\[WARN\] .*does not require a password/
/** Of a server that forbids INFO, and of Redis 5: the check of the server says it. */
const TOLD_BY_THE_CHECK = /^Skipping the ready check|^\[ERROR\] .*'auth' command/

let log: Log | undefined
let isRouted = false
let isTold = false

function tellOnce(): void {
  if (isTold) return
  isTold = true
  log?.warn({}, 'Redis asks for no password, though its URL (REDIS_URL) names one')
}
