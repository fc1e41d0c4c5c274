/**
 * A guard ends the servers if this process is killed and cannot do it. It is a shell that waits
 * until its standard input closes: the system closes it when this process ends, in whatever way.
 */

import { spawn } from 'node:child_process'

export interface Guard {
  /** Ends the guard: the servers have ended, or this process ends them. */
  dismiss(): void
}

/** Once this process has ended, ends a process group: SIGTERM, and SIGKILL 5 seconds later. */
export function guardGroup(pid: number): Guard {
  const endGroup = `
    kill -s TERM -- "-$1"
    left=50
    while [ $left -gt 0 ] && kill -s 0 -- "-$1"; do sleep 0.1; left=$((left - 1)); done
    kill -s KILL -- "-$1"`
  return startGuard(endGroup, [String(pid)])
}

/** Once this process has ended, runs a command. */
export function guardByCommand(command: readonly string[]): Guard {
  return startGuard('"$@"', command)
}

function startGuard(script: string, args: readonly string[]): Guard {
  const waitThenRun = `while read -r line; do :; done; ${script}`
  const shell = spawn('sh', ['-c', waitThenRun, 'guard', ...args], {
    detached: true, // a Ctrl-C in the terminal must not reach it
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.unref()
  const stdin = shell.stdin as unknown as { unref(): void }
  stdin.unref()
  return { dismiss: () => void shell.kill('SIGKILL') }
}
