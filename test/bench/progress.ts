/** What goes on, as it goes on: a bar on a terminal, elsewhere a line for each step. */
import { SingleBar } from 'cli-progress'

export interface Progress {
  /** Begins a step of `total` units; the returned function is told how many are done. */
  step(what: string, total?: number): (done: number) => void
  /** Says a line that stays. */
  say(line: string): void
  end(): void
}

export function startProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) {
    const say = (line: string) => void stream.write(`${line}\n`)
    const step = (what: string) => {
      say(`  ${what}`)
      return () => {}
    }
    return { step, say, end() {} }
  }
  const format = '{bar} {percentage}%  {what}'
  let bar: SingleBar | undefined
  const end = () => {
    bar?.stop()
    bar = undefined
  }
  return {
    step(what, total = 1) {
      end()
      const current = new SingleBar({ stream, format, barsize: 20, clearOnComplete: true })
      current.start(total, 0, { what })
      bar = current
      return (done) => current.update(Math.min(done, total))
    },
    say(line) {
      end()
      stream.write(`${line}\n`)
    },
    end,
  }
}
