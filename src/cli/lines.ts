/** A line of a file, counted from 1. `bytes` is null if the line is longer than allowed. */
export interface Line {
  readonly number: number
  readonly bytes: Buffer | null
}

/**
 * Splits a stream at line feeds. Yields a list of the lines that end in each chunk. Blank lines are
 * counted but left out. A carriage return before the line feed is not part of the line. Holds at
 * most one chunk and one line of `maxLineBytes`.
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<Line[]> {
  let number = 1
  /** The slices of the line that has not ended yet. */
  let open: Buffer[] = []
  let openBytes = 0
  let isTooLong = false

  const append = (slice: Buffer) => {
    openBytes += slice.length
    isTooLong ||= openBytes > maxLineBytes + 1 // one more for a carriage return
    if (isTooLong) open = []
    else if (slice.length > 0) open.push(slice)
  }
  const end = (): Line => {
    const bytes = withoutReturn(open.length === 1 && open[0] ? open[0] : Buffer.concat(open))
    const line = { number, bytes: isTooLong || bytes.length > maxLineBytes ? null : bytes }
    number++
    open = []
    openBytes = 0
    isTooLong = false
    return line
  }

  for await (const chunk of chunks) {
    const lines: Line[] = []
    let start = 0
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, start)) {
      append(chunk.subarray(start, at))
      const line = end()
      if (!isBlank(line)) lines.push(line)
      start = at + 1
    }
    append(chunk.subarray(start))
    if (lines.length > 0) yield lines
  }
  const last = end()
  if (!isBlank(last)) yield [last]
}

const LF = 0x0a
const CR = 0x0d

function withoutReturn(bytes: Buffer): Buffer {
  return bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes
}

function isBlank({ bytes }: Line): boolean {
  return bytes?.every((byte) => byte === 0x20 || byte === 0x09) ?? false
}
