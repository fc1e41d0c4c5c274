/** What goes on, as it goes on: one line that renews itself on a terminal, else line by line. */

export interface Progress {
  /** What happens now. */
  now(what: string): void
  /** What is worth keeping. */
  tell(what: string): void
  end(): void
}

const RENEW_MS = 500

/** @param figures that stand before what happens */
export function startProgress(stream: NodeJS.WriteStream, figures: () => string): Progress {
  let current = ''
  if (!stream.isTTY) {
    const tell = (what: string) => void stream.write(`${figures()}  ${what}\n`)
    return { now: tell, tell, end() {} }
  }
  const render = () => {
    const line = `${figures()}  ${current}`
    stream.write(`\r\x1b[K${line.slice(0, (stream.columns ?? 80) - 1)}`)
  }
  const timer = setInterval(render, RENEW_MS)
  return {
    now(what) {
      current = what
      render()
    },
    tell(what) {
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
