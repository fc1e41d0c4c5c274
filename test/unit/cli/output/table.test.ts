import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { table } from '../../../../src/cli/output/table.ts'

const pipe = new PassThrough()
const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 60 })

test('in a pipe, each row is one line of aligned columns', () => {
  const rows = [
    ['plan', 'free'],
    ['employees', '250'],
  ]
  expect(table(pipe, ['trait', 'value'], rows)).toBe(
    ['trait      value', 'plan       free', 'employees  250'].join('\n'),
  )
})

test('wide characters are aligned by their width', () => {
  const rows = [
    ['漢字', 'x'],
    ['abcd', 'y'],
  ]
  expect(table(pipe, ['a', 'b'], rows)).toBe(['a     b', '漢字  x', 'abcd  y'].join('\n'))
})

test('on a terminal, the table is framed and fits the width', () => {
  const text = table(terminal, ['trait', 'value'], [['description', 'x'.repeat(200)]])
  const lines = stripVTControlCharacters(text).split('\n')
  expect(lines[0]).toMatch(/^┌─+┬─+┐$/)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60)
  expect(text.match(/x/g)).toHaveLength(200)
})

test('on a terminal, a very long value is cut, and the cell says so', () => {
  const text = table(terminal, ['trait', 'value'], [['description', 'x'.repeat(32_768)]])
  expect(text.match(/x/g)?.length).toBeLessThan(1000)
  expect(stripVTControlCharacters(text).replaceAll(/[\s│]/g, '')).toContain(
    '(32768characters;--jsonhasall)',
  )
})

test('a cell cannot control the terminal, or begin a new row', () => {
  const text = table(pipe, ['trait'], [['a\nb\u001b[2J']])
  expect(text).toBe('trait\na\\nb\\u001b[2J')
})
