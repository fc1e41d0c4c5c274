import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { table } from '../../../../src/cli/output/table.ts'

const pipe = new PassThrough()
const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 60 })

test('in a pipe a row is a line of aligned columns', () => {
  const rows = [
    ['plan', 'free'],
    ['employees', '250'],
  ]
  expect(table(pipe, ['trait', 'value'], rows)).toBe(
    ['trait      value', 'plan       free', 'employees  250'].join('\n'),
  )
})

test('wide characters take the columns that they take', () => {
  const rows = [
    ['漢字', 'x'],
    ['abcd', 'y'],
  ]
  expect(table(pipe, ['a', 'b'], rows)).toBe(['a     b', '漢字  x', 'abcd  y'].join('\n'))
})

test('on a terminal the table is framed, and fits', () => {
  const text = table(terminal, ['trait', 'value'], [['description', 'x'.repeat(200)]])
  const lines = stripVTControlCharacters(text).split('\n')
  expect(lines[0]).toMatch(/^┌─+┬─+┐$/)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60)
  expect(text.match(/x/g)).toHaveLength(200)
})

test('on a terminal a very long value is cut, and the reader told', () => {
  const text = table(terminal, ['trait', 'value'], [['description', 'x'.repeat(32_768)]])
  expect(text.match(/x/g)?.length).toBeLessThan(1000)
  expect(stripVTControlCharacters(text).replaceAll(/[\s│]/g, '')).toContain(
    '(32768characters;--jsonhasall)',
  )
})

test('a cell cannot steer the terminal, nor begin a row of its own', () => {
  const text = table(pipe, ['trait'], [['a\nb\u001b[2J']])
  expect(text).toBe('trait\na\\nb\\u001b[2J')
})
