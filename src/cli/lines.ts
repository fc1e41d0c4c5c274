/** A line of a file, counted from 1. `bytes` is null where it is longer than allowed. */
export interface Line {
  readonly number: number
  readonly bytes: Buffer | null
}

/**
 * Splits a stream at line feeds, a list of lines for each chunk that ends some. Blank lines
 * are counted but left out; a carriage return before the line feed is not part of the line.
 * Never holds more than a chunk and one line of `maxLineBytes`.
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<Line[]> {
  let number = 1
  let begun: Buffer[] = []
  let begunBytes = 0
  let isTooLong = false

  const begin = (part: Buffer) => {
    begunBytes += part.length
    isTooLong ||= begunBytes > maxLineBytes + 1 // one more for a carriage return
    if (isTooLong) begun = []
    else if (part.length > 0) begun.push(part)
  }
  const end = (): Line => {
    const bytes = withoutReturn(begun.length === 1 && begun[0] ? begun[0] : Buffer.concat(begun))
    const line = { number, bytes: isTooLong || bytes.length > maxLineBytes ? null : bytes }
    number++
    begun = []
    begunBytes = 0
    isTooLong = false
    return line
  }

  for await (const chunk of chunks) {
    const lines: Line[] = []
    let start = 0
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, start)) {
      begin(chunk.subarray(start, at))
      const line = end()
      if (!isBlank(line)) lines.push(line)
      start = at + 1
    }
    begin(chunk.subarray(start))
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
