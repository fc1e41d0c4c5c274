import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Line, readLines } from '../../../src/cli/lines.ts'

test('lines end at a line feed, with or without a carriage return, and at the end', async () => {
  expect(await read(['a\nb\r\nc'])).toEqual([
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
  ])
})

test('blank lines are left out, but counted', async () => {
  expect(await read(['\n\r\n \t\na\n\n'])).toEqual([[4, 'a']])
})

test('an empty stream has no lines', async () => {
  expect(await read([])).toEqual([])
  expect(await read([''])).toEqual([])
})

test('a line of exactly the maximum length is read, whatever ends it, and one byte more is too long', async () => {
  expect(await read(['12345\n12345\r\n12345'], 5)).toEqual([
    [1, '12345'],
    [2, '12345'],
    [3, '12345'],
  ])
  expect(await read(['123456\n12345\r\r\nx\n123456'], 5)).toEqual([
    [1, null],
    [2, null],
    [3, 'x'],
    [4, null],
  ])
})

test('a line of half a gigabyte is not held in memory', async () => {
  const chunk = Buffer.alloc(1 << 20, 'x')
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  async function* endless() {
    for (let chunks = 0; chunks < 500; chunks++) {
      yield Buffer.from(chunk)
      if (chunks % 50 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers)
    }
    yield Buffer.from('\nb')
  }
  const lines: Line[] = []
  for await (const some of readLines(endless(), 1024)) lines.push(...some)
  expect(lines).toEqual([
    { number: 1, bytes: null },
    { number: 2, bytes: Buffer.from('b') },
  ])
  expect(most - before).toBeLessThan(250 << 20)
})

test('the lines do not depend on where the chunks are cut', async () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'bc', '\n', '\r\n', '\r', ' '),
    maxLength: 40,
  })
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(60)), async (whole, cuts) => {
      const ends = [...cuts.sort((a, b) => a - b), whole.length]
      const parts = ends.map((end, index) => whole.slice(ends[index - 1] ?? 0, end))
      expect(await read(parts, 4)).toEqual(await read([whole], 4))
    }),
  )
})

async function read(parts: string[], maxLineBytes = 100): Promise<[number, string | null][]> {
  async function* chunks() {
    for (const part of parts) yield Buffer.from(part)
  }
  const lines: [number, string | null][] = []
  for await (const some of readLines(chunks(), maxLineBytes)) {
    for (const { number, bytes } of some) lines.push([number, bytes?.toString() ?? null])
  }
  return lines
}
