/** Shows progress: a bar on a terminal, elsewhere one line for each step. */
import { SingleBar } from 'cli-progress'

export interface Progress {
  /** Begins a step of `total` units; call the returned function with the number of units done. */
  step(what: string, total?: number): (done: number) => void
  /** Prints a line that is not overwritten. */
  print(line: string): void
  end(): void
}

export function startProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) {
    const print = (line: string) => void stream.write(`${line}\n`)
    const step = (what: string) => {
      print(`  ${what}`)
      return () => {}
    }
    return { step, print, end() {} }
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
    print(line) {
      end()
      stream.write(`${line}\n`)
    },
    end,
  }
}
