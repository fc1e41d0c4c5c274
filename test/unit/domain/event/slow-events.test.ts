import { describe, expect, test } from 'vitest'
import { decode, eventText } from '../../../setup/domain/decoding.ts'

describe('an event that is constructed to be slow', () => {
  const ZEROS = '0'.repeat(500_000)

  test.each([
    ['a number with very many zeros', eventText({ traits: `{"a":1${ZEROS}1}` })],
    ['such a number in a field that is not stored', eventText({ other: `[1${ZEROS}1]` })],
    ['such a number as a time', eventText({ timestamp: `1${ZEROS}1.0${ZEROS.slice(1000)}1` })],
    ['such a number as an id', eventText({ group_id: `-1${ZEROS}1` })],
    [
      'very many numbers beside a raw one',
      eventText({ other: `[1e400${',1.5'.repeat(200_000)}]` }),
    ],
    [
      'very deep members that are replaced',
      `{"traits":${'['.repeat(100_000)}${']'.repeat(100_000)},"n":1e400,${eventText().slice(1)}`,
    ],
    [
      'very many traits',
      eventText({ traits: `{${Array.from({ length: 80_000 }, (_, at) => `"${at}":1`)}}` }),
    ],
    [
      'very many blanks',
      eventText({ group_id: `"${' '.repeat(900_000)}"`, other: ' '.repeat(100_000) + 1 }),
    ],
    ['a very long e-mail', eventText({ traits: `{"email":"a@${'a.'.repeat(400_000)}"}` })],
  ])('is decoded in less than 5 s: %s', (_what, text) => {
    const start = performance.now()
    expect(['group', 'rejected']).toContain(decode(text, { strictFormats: true }).kind)
    expect(performance.now() - start).toBeLessThan(5000)
  })
})
