import { constants } from 'node:os'
import { BenchError } from './bench-error.ts'

/**
 * Returns a signal that is aborted by SIGINT, SIGTERM, SIGHUP (the terminal is closed), or when
 * nobody reads the output any more (`| head`). The reason is a BenchError. A second signal, at
 * least a second later, exits at once.
 */
export function signalOfInterruptions(): AbortSignal {
  const interruption = new AbortController()
  let firstMs: number | undefined
  const interrupt = (name: keyof typeof constants.signals, why: string) => {
    const end = new BenchError(`Interrupted by ${why}: no results were written.`, exitCodeOf(name))
    interruption.abort(end)
    firstMs ??= performance.now()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      interrupt(name, name)
      // npm and the terminal may both send a signal for the same Ctrl-C
      if (performance.now() - (firstMs ?? 0) > 1000) process.exit(exitCodeOf(name))
    })
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      interrupt('SIGPIPE', 'a closed output')
    })
  }
  return interruption.signal
}

/** The exit code that shells use for a signal. */
const exitCodeOf = (name: keyof typeof constants.signals) => 128 + constants.signals[name]
