import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import type { Cli } from './cli.ts'

/** Asks before what cannot be undone. Where nobody sits at a terminal, nobody is asked. */
export async function confirm({ stdin, stderr }: Cli, question: string): Promise<boolean> {
  if (stdin.isTTY !== true || stderr.isTTY !== true) return true
  const lines = createInterface({ input: stdin, output: stderr })
  const closed = once(lines, 'close').then(() => '') // by Ctrl-C or Ctrl-D: no
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `), closed])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}
