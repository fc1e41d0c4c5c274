import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import type { Cli } from './cli.ts'

/** Asks before an action that cannot be undone. Without a terminal it returns true, unasked. */
export async function confirm({ stdin, stderr }: Cli, question: string): Promise<boolean> {
  if (stdin.isTTY !== true || stderr.isTTY !== true) return true
  const lines = createInterface({ input: stdin, output: stderr })
  const closed = once(lines, 'close').then(() => '') // Ctrl-C and Ctrl-D mean no
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `), closed])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}
