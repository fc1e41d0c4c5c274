/**
 * Keeps warnings of ioredis off the console. ioredis 6 writes them there on each new connection, and
 * has no switch for it.
 */
import type { Log } from '../../pipeline/ports.ts'

/**
 * From now on, in this process, logs a warning of ioredis that users should know of, once, and drops
 * those that the check of the server reports. All other warnings still go to the console.
 *
 * A later call only changes the log.
 */
export function routeClientWarnings(to: Log): void {
  log = to
  isLogged = false
  if (isRouted) return
  isRouted = true
  const { warn } = console
  console.warn = (...args: unknown[]) => {
    const text = String(args[0])
    if (NEEDLESS_PASSWORD.test(text)) logOnce()
    else if (!REPORTED_BY_SERVER_CHECK.test(text)) warn(...args)
  }
}

const NEEDLESS_PASSWORD = /^\[WARN\] .*does not require a password/
/** From a server that forbids INFO, and from Redis 5. */
const REPORTED_BY_SERVER_CHECK = /^Skipping the ready check|^\[ERROR\] .*'auth' command/

let log: Log | undefined
let isRouted = false
let isLogged = false

function logOnce(): void {
  if (isLogged) return
  isLogged = true
  log?.warn({}, 'the URL of Redis (REDIS_URL) has a password, but Redis asks for no password')
}
