import { spawn } from 'node:child_process'

export interface CommandResult {
  /** Exit code; undefined where it could not be run or a signal ended it. */
  readonly code: number | undefined
  /** Standard output and standard error as they came. */
  readonly output: string
}

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number
  readonly onLine?: (line: string) => void
}

/**
 * Runs a command to its end, in a process group of its own. Never rejects for what the command
 * does, or because it is not there; the result tells.
 *
 * @throws the signal's reason once aborted
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
    const late = timeoutMs && setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const settle = (code: number | undefined) => {
      clearTimeout(late)
      if (signal?.aborted) reject(signal.reason)
      else resolve({ code, output })
    }
    let output = ''
    let rest = ''
    const take = (text: string) => {
      output += text
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) onLine?.(line)
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    child.once('error', (error) => {
      output ||= error.message
      settle(undefined)
    })
    child.once('close', (code) => settle(code ?? undefined))
  })
}
