import { spawn } from 'node:child_process'

export interface CommandResult {
  /** Exit code; undefined if the command could not be run, or a signal ended it. */
  readonly code: number | undefined
  /** Standard output and standard error, interleaved; the error if it could not be run. */
  readonly output: string
}

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly signal?: AbortSignal | undefined
  /** After this time the command is killed. */
  readonly timeoutMs?: number
  /** Called with each complete line of output. */
  readonly onLine?: (line: string) => void
}

/**
 * Runs a command to its end, in a process group of its own. A command that fails or does not
 * exist is a result, not an error.
 *
 * @throws the signal's reason, once it is aborted
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { cwd, env, signal, timeoutMs, onLine } = options
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      signal,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const killTimer = timeoutMs && setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const settle = (code: number | undefined) => {
      clearTimeout(killTimer)
      if (signal?.aborted) reject(signal.reason)
      else resolve({ code, output })
    }
    let output = ''
    let incompleteLine = ''
    const append = (text: string) => {
      output += text
      const lines = (incompleteLine + text).split('\n')
      incompleteLine = lines.pop() ?? ''
      for (const line of lines) onLine?.(line)
    }
    child.stdout.setEncoding('utf8').on('data', append)
    child.stderr.setEncoding('utf8').on('data', append)
    child.once('error', (error) => {
      output ||= error.message
      settle(undefined)
    })
    child.once('close', (code) => settle(code ?? undefined))
  })
}
