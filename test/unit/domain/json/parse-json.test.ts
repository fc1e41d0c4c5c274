import { expect, test } from 'vitest'
import { parseExactly } from '../../../../src/domain/json/exact-parser.ts'
import { parseJson } from '../../../../src/domain/json/parse-json.ts'

test.each([
  ['{"name":"1","\\\\":"3"}', '{"name":"1","\\u00e9":"3"}', ['name', 'é']],
  ['{"\\\\":1}', '{"\\u0041":1e400}', ['A']],
  ['{"a":{"\\\\\\\\":1}}', '{"a":{"\\n\\t":1}}', ['a']],
])('what was parsed before changes nothing: %s, then %s', (before, text, names) => {
  for (let i = 0; i < 3; i++) {
    JSON.parse(before)
    parseJson(before)
    const document = parseJson(text) as object
    expect(Object.keys(document)).toEqual(names)
    expect(JSON.stringify(document)).toBe(JSON.stringify(parseExactly(text)))
  }
})

test('escapes in values alone do not slow a document down', () => {
  const text = '{"a":"\\u00e9\\"","b":["\\\\", "x"], "c" : "\\\\"}'
  expect(parseJson(text)).toEqual({ a: 'é"', b: ['\\', 'x'], c: '\\' })
})

test.each([
  '',
  ' ',
  '{',
  '[',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{,}',
  '[1,]',
  '[,1]',
  '[1 2]',
  '{"a":1 "b":2}',
  '01',
  '-',
  '1.',
  '.5',
  '1e',
  '1e+',
  '+1',
  'NaN',
  'nul',
  'truefalse',
  '"a',
  '"\\x"',
  '"\\u12"',
  '"a\nb"',
  '"\\',
  '[1]]',
  '1 2',
  '\u00a01',
  "{'a':1}",
  '{a:1}',
  '[1}',
  '{"a":1]',
])('%j is not JSON', (text) => {
  expect(parseExactly(text)).toBeUndefined()
  expect(parseJson(text)).toBeUndefined()
})

test('a deep document needs no call stack', () => {
  const levels = 500_000
  let value = parseExactly(`${'['.repeat(levels)}1e400${']'.repeat(levels)}`)
  let depth = 0
  while (Array.isArray(value)) {
    value = value[0]
    depth++
  }
  expect(depth).toBe(levels)
})
