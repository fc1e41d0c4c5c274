/** Shows progress: on a terminal one line that is overwritten, elsewhere one line after the other. */

export interface Progress {
  /** Shows what is going on now. */
  show(what: string): void
  /** Prints a line that is not overwritten. */
  keep(what: string): void
  end(): void
}

const REFRESH_MS = 500

/** @param summary makes the beginning of each line */
export function startProgress(stream: NodeJS.WriteStream, summary: () => string): Progress {
  let current = ''
  if (!stream.isTTY) {
    const print = (what: string) => void stream.write(`${summary()}  ${what}\n`)
    return { show: print, keep: print, end() {} }
  }
  const render = () => {
    const line = `${summary()}  ${current}`
    stream.write(`\r\x1b[K${line.slice(0, (stream.columns ?? 80) - 1)}`)
  }
  const timer = setInterval(render, REFRESH_MS)
  return {
    show(what) {
      current = what
      render()
    },
    keep(what) {
      stream.write(`\r\x1b[K${what}\n`)
      render()
    },
    end() {
      clearInterval(timer)
      stream.write('\r\x1b[K')
    },
  }
}

/** `1:02:03`, or `2:03` within the first hour. */
export function clockTime(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const shown = parts[0] === 0 ? parts.slice(1) : parts
  return shown.map((part, i) => (i === 0 ? part : String(part).padStart(2, '0'))).join(':')
}
