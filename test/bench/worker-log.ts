/** Finds the lines in the log of a worker, or of a reference, that explain why it ended. */

const MAX_LINES = 5

/** Returns the lines from the first error on, without stack traces; without errors the last lines. */
export function relevantLines(log: string): string[] {
  const lines = log
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s+at /.test(line))
    .map(readable)
  const from = lines.findIndex((line) => /^(?:\w*Error|error|fatal|FATAL ERROR)\b/.test(line))
  return from < 0 ? lines.slice(-MAX_LINES) : lines.slice(from, from + MAX_LINES)
}

/** Formats a line of JSON for people; returns any other line unchanged. */
function readable(line: string): string {
  try {
    const { level, msg, err } = JSON.parse(line)
    return `${level}: ${msg}${err?.message === undefined ? '' : `: ${err.message}`}`
  } catch {
    return line // not JSON: printed by Node itself
  }
}
