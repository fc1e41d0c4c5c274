import { constants } from 'node:os'
import { EarlyEnd } from './early-end.ts'

/**
 * Aborted by a Ctrl-C, a SIGTERM, a terminal that is closed, or where nobody reads what is said
 * any more (`| head`); the reason is an EarlyEnd. One more signal, a second or more later, ends
 * everything at once.
 */
export function signalOfInterruptions(): AbortSignal {
  const interruption = new AbortController()
  let firstMs: number | undefined
  const interrupt = (name: keyof typeof constants.signals, why: string) => {
    const end = new EarlyEnd(`Ended by ${why}: no results are written.`, exitCodeOf(name))
    interruption.abort(end)
    firstMs ??= performance.now()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      interrupt(name, name)
      // npm and the terminal may both tell of the same Ctrl-C
      if (performance.now() - (firstMs ?? 0) > 1000) process.exit(exitCodeOf(name))
    })
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      interrupt('SIGPIPE', 'who read this')
    })
  }
  return interruption.signal
}

/** As shells tell of a signal. */
const exitCodeOf = (name: keyof typeof constants.signals) => 128 + constants.signals[name]
