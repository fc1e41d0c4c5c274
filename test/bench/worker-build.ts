import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { EarlyEnd, FAILED } from './early-end.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/**
 * Builds the worker anew, as it is in production.
 *
 * @throws EarlyEnd with what the compiler said
 */
export async function buildWorker(signal: AbortSignal): Promise<void> {
  try {
    await promisify(execFile)('npm', ['run', '-s', 'build'], { cwd: ROOT, signal })
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string }
    const said = `${stdout}${stderr}`.trimEnd() || String(cause)
    throw new EarlyEnd(`The worker cannot be built:\n${said}`, FAILED, { cause })
  }
}
