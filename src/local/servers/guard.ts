/**
 * What ends the servers where this process cannot, because it was killed: a shell that waits
 * for its standard input to close, which the system does when a process ends, however it ends.
 */

import { spawn } from 'node:child_process'

export interface Guard {
  /** This process will end what it guards by itself, or has done so. */
  dismiss(): void
}

/** Ends this process group (SIGTERM, and SIGKILL five seconds later) once this process is gone. */
export function guardGroup(pid: number): Guard {
  const endGroup = `
    kill -s TERM -- "-$1"
    left=50
    while [ $left -gt 0 ] && kill -s 0 -- "-$1"; do sleep 0.1; left=$((left - 1)); done
    kill -s KILL -- "-$1"`
  return startGuard(endGroup, [String(pid)])
}

/** Runs this command once this process is gone. */
export function guardByCommand(command: readonly string[]): Guard {
  return startGuard('"$@"', command)
}

function startGuard(script: string, args: readonly string[]): Guard {
  const whenGone = `while read -r line; do :; done; ${script}`
  const shell = spawn('sh', ['-c', whenGone, 'guard', ...args], {
    detached: true, // a Ctrl-C in the terminal is not for it
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.unref()
  const stdin = shell.stdin as unknown as { unref(): void }
  stdin.unref()
  return { dismiss: () => void shell.kill('SIGKILL') }
}
