import type { Log } from '../pipeline/ports.ts'
import type { Config } from './config/config.ts'
import { runUntilSignalled } from './life-cycle.ts'
import { eventLoopLimit, watchEventLoop } from './watch/event-loop-watch.ts'

/**
 * Runs a worker or a gateway as the only service of this process, until a signal ends it. Ends the
 * process if its event loop is stuck. Returns the exit code.
 *
 * @param bytesAtOnce the most that the service decodes without yielding to the event loop
 */
export async function runService(
  config: Config,
  log: Log,
  bytesAtOnce: number,
  run: (config: Config, log: Log, signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const { shutdownTimeoutMs } = config.worker
  const endWatch = watchEventLoop(eventLoopLimit(bytesAtOnce), config.log, log)
  try {
    return await runUntilSignalled((signal) => run(config, log, signal), {
      shutdownTimeoutMs,
      log,
    })
  } finally {
    await endWatch()
  }
}
