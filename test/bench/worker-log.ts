/** What the log of a worker, or of one that it is compared with, tells of its end. */

const MAX_LINES = 5

/** From the first error on, without stack traces; of a log without errors its last lines. */
export function linesThatMatter(log: string): string[] {
  const lines = log
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s+at /.test(line))
    .map(readable)
  const from = lines.findIndex((line) => /^(?:\w*Error|error|fatal|FATAL ERROR)\b/.test(line))
  return from < 0 ? lines.slice(-MAX_LINES) : lines.slice(from, from + MAX_LINES)
}

/** A line of JSON in words, any other as it is. */
function readable(line: string): string {
  try {
    const { level, msg, err } = JSON.parse(line)
    return `${level}: ${msg}${err?.message === undefined ? '' : `: ${err.message}`}`
  } catch {
    return line // no JSON: of Node itself
  }
}
