import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { BenchError, EXIT_FAILURE } from './bench-error.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/**
 * Builds the worker, as for production.
 *
 * @throws BenchError with the output of the compiler
 */
export async function buildWorker(signal: AbortSignal): Promise<void> {
  try {
    await promisify(execFile)('npm', ['run', '-s', 'build'], { cwd: ROOT, signal })
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string }
    const output = `${stdout}${stderr}`.trimEnd() || String(cause)
    throw new BenchError(`The worker cannot be built:\n${output}`, EXIT_FAILURE, { cause })
  }
}
