import { describe, expect, test } from 'vitest'
import { eventText, problemsOf } from '../../../setup/domain/decoding.ts'

describe('the size of an event', () => {
  test('may be the limit, but not a byte more', () => {
    const text = eventText({ traits: '{"name":"é"}' })
    const bytes = Buffer.byteLength(text)
    expect(problemsOf(text, { maxEventBytes: bytes })).toEqual([])
    expect(problemsOf(text, { maxEventBytes: bytes - 1 })).toEqual(['too_large '])
  })

  test('includes blanks, byte order mark and frame', () => {
    const text = eventText()
    const limit = { maxEventBytes: text.length }
    expect(problemsOf(`${text} `, limit)).toEqual(['too_large '])
    expect(problemsOf(`\uFEFF${text}`, limit)).toEqual(['too_large '])
    expect(problemsOf(Buffer.concat([Buffer.alloc(5), Buffer.from(text)]), limit)).toEqual([
      'too_large ',
    ])
  })

  test('is checked before anything is read', () => {
    expect(problemsOf(Buffer.alloc(11, 0xff), { maxEventBytes: 10 })).toEqual(['too_large '])
  })
})

describe('the depth of an event', () => {
  /** Alternates arrays and objects. */
  const nest = (levels: number): string =>
    levels === 0 ? '1' : levels % 2 ? `[${nest(levels - 1)}]` : `{"a":${nest(levels - 1)}}`

  test.each<[string, (levels: number) => string]>([
    ['a trait', (levels) => eventText({ traits: `{"a":${nest(levels - 2)}}` })],
    ['an address', (levels) => eventText({ traits: `{"address":{"a":${nest(levels - 3)}}}` })],
    ['the context', (levels) => eventText({ context: `{"a":${nest(levels - 2)}}` })],
    ['a field that is not stored', (levels) => eventText({ integrations: nest(levels - 1) })],
  ])('of %s is counted from the document, which is level 1', (_where, text) => {
    expect(problemsOf(text(32))).toEqual([])
    expect(problemsOf(text(33))).toEqual(['too_deep '])
    expect(problemsOf(text(3), { maxDepth: 3 })).toEqual([])
    expect(problemsOf(text(4), { maxDepth: 3 })).toEqual(['too_deep '])
  })

  test('includes an empty object', () => {
    expect(problemsOf('{"traits":{}}', { maxDepth: 1 })).toEqual(['too_deep '])
    expect(problemsOf('{}', { maxDepth: 1 })).not.toContain('too_deep ')
  })

  test('does not count brackets side by side or in strings', () => {
    const wide = `{"a":[${Array(100).fill('[]').join()}],"b":"${'[{'.repeat(100)}"}`
    expect(problemsOf(eventText({ traits: wide }))).toEqual([])
  })

  test('may be 100,000 without a stack overflow: it is rejected like 33', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    expect(problemsOf(eventText({ context: `{"a":${deep}}` }))).toEqual(['too_deep '])
    expect(problemsOf(eventText({ traits: '{"a":'.repeat(1e5) + 1 + '}'.repeat(1e5) }))).toEqual([
      'too_deep ',
    ])
  })

  test('is reported before problems of fields', () => {
    expect(problemsOf(`{"traits":${nest(40)}}`)).toEqual(['too_deep '])
  })

  test('does not count a member that a later one of the same name replaces', () => {
    expect(problemsOf(`{"traits":${nest(40)},${eventText().slice(1)}`)).toEqual([])
  })
})
