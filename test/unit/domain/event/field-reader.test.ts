import { describe, expect, test } from 'vitest'
import { accept, eventText, problemsOf } from '../../../setup/domain/decoding.ts'

describe.each([
  ['group_id', 'groupId', 'groupId'],
  ['user_id', 'userId', 'userId'],
] as const)('%s', (name, other, member) => {
  const idOf = (json: string) => accept(eventText({ [name]: json }))[member]

  test('may be given in the other spelling', () => {
    expect(accept(eventText({ [name]: undefined, [other]: '"x"' }))[member]).toBe('x')
  })

  test.each([
    ['"7"', '"7"'],
    ['7', '"7"'],
    ['7.0', '7'],
    ['"-7"', '-7'],
  ])('may be given in both spellings if they are equal as text: %s and %s', (a, b) => {
    expect(problemsOf(eventText({ [name]: a, [other]: b }))).toEqual([])
    expect(problemsOf(eventText({ [name]: b, [other]: a }))).toEqual([])
  })

  test.each([
    ['"a"', '"b"'],
    ['"a"', '"A"'],
    ['"a"', '"a "'],
    ['"\u00e9"', '"e\u0301"'],
    ['7', '"07"'],
    ['7', '8'],
    ['"a"', '""'],
    ['"a"', '{}'],
    ['[]', '{}'],
    ['9007199254740993', '9007199254740992'],
  ])('must not differ between the spellings: %s and %s', (a, b) => {
    expect(problemsOf(eventText({ [name]: a, [other]: b }))).toEqual([
      `conflicting_fields /${name}`,
    ])
  })

  test('that is equally invalid in both spellings is invalid, not conflicting', () => {
    expect(problemsOf(eventText({ [name]: '{"a":1}', [other]: '{"a":1}' }))).toEqual([
      `invalid_field /${name}`,
    ])
  })

  test.each([
    '{"length":1e400}',
    '{"length":{"toString":1}}',
    '{"length":[1e400]}',
    '[1e400]',
    'true',
  ])('must be a string or an integer, even if it has a length: %s', (json) => {
    for (const key of [name, other]) {
      const fields = { [name]: undefined, [other]: undefined, [key]: json }
      expect(problemsOf(eventText(fields))).toEqual([`invalid_field /${key}`])
    }
  })

  test('null in one spelling: the other spelling counts', () => {
    expect(accept(eventText({ [name]: 'null', [other]: '"x"' }))[member]).toBe('x')
    expect(accept(eventText({ [other]: 'null' }))[member]).toBeTypeOf('string')
  })

  test.each([undefined, 'null'])('%s in both spellings is missing', (absent) => {
    expect(problemsOf(eventText({ [name]: absent, [other]: absent }))).toEqual([
      `missing_field /${name}`,
    ])
  })

  test('that is invalid in the other spelling has the path of that spelling', () => {
    expect(problemsOf(eventText({ [name]: 'null', [other]: 'true' }))).toEqual([
      `invalid_field /${other}`,
    ])
  })

  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['-0.0', '0'],
    ['12', '12'],
    ['-12', '-12'],
    ['12.0', '12'],
    ['12.0000000000000000000000', '12'],
    ['1e3', '1000'],
    ['1.5e1', '15'],
    ['9007199254740991', '9007199254740991'],
    ['-9007199254740991', '-9007199254740991'],
    ['9007199254740991.0', '9007199254740991'],
    ['900719925474099100e-2', '9007199254740991'],
  ])('%s is a safe integer, taken as the text %s', (json, text) => {
    expect(idOf(json)).toBe(text)
  })

  test.each([
    '9007199254740992',
    '9007199254740993',
    '-9007199254740992',
    '9007199254740991.0000001',
    '1.5',
    '0.1e-5',
    '1e21',
    '1e400',
    '-1e400',
    '1e-400',
    '12.00000000000000000001',
    'true',
    'false',
    '{}',
    '[]',
    '["acme"]',
    '{"rawJSON":"5"}',
  ])('%s is not an id', (json) => {
    expect(problemsOf(eventText({ [name]: json }))).toEqual([`invalid_field /${name}`])
  })

  test.each([
    ['nothing', ''],
    ['blanks', '  '],
    ['a line end', '\n'],
    ['a tab', '\t'],
    ['a no-break space', '\u00a0'],
    ['a byte order mark', '\uFEFF'],
    ['an ideographic space', '\u3000'],
    ['line and paragraph separators', '\u2028\u2029'],
    ['every other blank', '\v\f\r\u1680\u2000\u200a\u202f\u205f'],
  ])('%s is blank, so not an id', (_what, id) => {
    expect(problemsOf(eventText({ [name]: JSON.stringify(id) }))).toEqual([
      `invalid_field /${name}`,
    ])
  })

  test.each([
    ['blanks around it', ' a '],
    ['a zero', '\0'],
    ['a zero width space, which trim keeps', '\u200b'],
    ['U+180E, which trim keeps', '\u180e'],
    ['U+0085, which trim keeps', '\u0085'],
    ['braces and percent signs', '}{%'],
    ['an emoji', '👩‍🚀'],
    ['the name of a member of every JavaScript object', '__proto__'],
    ['a number as text', '007'],
    ['a long number as text', '9007199254740993'],
    ['JSON', '{"a":1}'],
    ['a path', '../../etc/passwd'],
    ['a colon', 'a:members'],
  ])('%s is an id, kept unchanged', (_what, id) => {
    expect(idOf(JSON.stringify(id))).toBe(id)
  })

  test.each([
    ['one byte', 'x', 512],
    ['two bytes', 'é', 256],
    ['four bytes', '😀', 128],
  ])('may have at most 512 bytes of UTF-8, in characters of %s', (_what, character, count) => {
    const longest = character.repeat(count)
    expect(idOf(JSON.stringify(longest))).toBe(longest)
    const longer = JSON.stringify(`${longest}x`)
    expect(problemsOf(eventText({ [name]: longer }))).toEqual([`invalid_field /${name}`])
  })

  test('may have at most 512 bytes of UTF-8, in characters of three bytes', () => {
    const id = `${'€'.repeat(170)}xx`
    expect(idOf(JSON.stringify(id))).toBe(id)
    expect(problemsOf(eventText({ [name]: JSON.stringify(`${id}x`) }))).toHaveLength(1)
  })

  test.each(['\\ud800', 'a\\udc00', '\\udc00\\ud800', '\\ud83d x'])(
    'with a lone surrogate, like %s, is not an id',
    (escapes) => {
      expect(problemsOf(eventText({ [name]: `"${escapes}"` }))).toEqual([`invalid_field /${name}`])
    },
  )

  test('may have a pair of surrogates as escapes: it is the character', () => {
    expect(idOf('"\\ud83d\\ude00"')).toBe('😀')
  })
})

describe('traits', () => {
  test('may be empty: the event then says only that the user belongs to the group', () => {
    expect(accept(eventText({ traits: '{}' })).traits.size).toBe(0)
  })

  test.each([undefined, 'null'])('%s are missing', (traits) => {
    expect(problemsOf(eventText({ traits }))).toEqual(['missing_field /traits'])
  })

  test.each(['[]', '"{}"', '5', 'true', '1e400', '[{}]'])('%s is not an object', (traits) => {
    expect(problemsOf(eventText({ traits }))).toEqual(['invalid_field /traits'])
  })
})

describe('context', () => {
  test.each([undefined, 'null', '{}', '{"ip":"::1","traits":{"a":[1,null]},"x":"\\ud800"}'])(
    '%s is accepted, and not stored',
    (context) => {
      expect(accept(eventText({ context }))).toEqual(accept(eventText()))
    },
  )

  test.each(['[]', '"x"', '0', 'false', '1e400'])('%s is not an object', (context) => {
    expect(problemsOf(eventText({ context }))).toEqual(['invalid_field /context'])
  })
})

describe('assigned', () => {
  test.each([
    [undefined, true],
    ['null', true],
    ['true', true],
    ['false', false],
  ])('%s means %s', (assigned, expected) => {
    expect(accept(eventText({ assigned })).assigned).toBe(expected)
  })

  test('false does not affect the traits', () => {
    const event = accept(eventText({ assigned: 'false', traits: '{"plan":"pro"}' }))
    expect(event.traits.get('plan')).toBe('pro')
    expect(event.userId).toBe('ann')
  })

  test.each(['"false"', '0', '1', '[]', '{}', '1e400'])('%s is not a boolean', (assigned) => {
    expect(problemsOf(eventText({ assigned }))).toEqual(['invalid_field /assigned'])
  })
})

describe('timestamp', () => {
  test.each([undefined, 'null'])('%s is missing', (timestamp) => {
    expect(problemsOf(eventText({ timestamp }))).toEqual(['missing_field /timestamp'])
  })

  test.each(['true', '{}', '[]', '["2020-01-01"]', '""', '" "', '"now"', '"1606170535"'])(
    '%s is not a time',
    (timestamp) => {
      expect(problemsOf(eventText({ timestamp }))).toEqual(['invalid_timestamp /timestamp'])
    },
  )

  test.each([
    ['1606170535', 1606170535_000_000],
    ['1606170535.111', 1606170535_111_000],
    ['1606170535.9999999', 1606170535_999_999],
    ['1606170535.99999999999999999999', 1606170535_999_999],
    ['1606170535111', 1606170535_111_000],
    ['1606170535111.9999', 1606170535_111_999],
    ['1606170535111222', 1606170535_111_222],
    ['1606170535111222.9', 1606170535_111_222],
    ['1.606170535e9', 1606170535_000_000],
    ['0', 0],
    ['-0', 0],
    ['1e-400', 0],
  ])('the number %s is read exactly', (timestamp, clock) => {
    expect(accept(eventText({ timestamp })).clock).toBe(clock)
  })

  test.each([
    ['-1', 'timestamp_too_early'],
    ['-1e-400', 'timestamp_too_early'],
    ['"1969-12-31T23:59:59.999999Z"', 'timestamp_too_early'],
    ['"0000-01-01"', 'timestamp_too_early'],
    ['"1970-01-01T00:00+00:01"', 'timestamp_too_early'],
    ['1e400', 'timestamp_in_future'],
    ['99999999999', 'timestamp_in_future'],
    ['9007199254740993', 'timestamp_in_future'],
    ['"9999-12-31T23:59:59Z"', 'timestamp_in_future'],
  ])('%s is %s', (timestamp, reason) => {
    expect(problemsOf(eventText({ timestamp }))).toEqual([`${reason} /timestamp`])
  })

  test('is cut to the microsecond, not rounded', () => {
    const { clock } = accept(eventText({ timestamp: '"2020-11-23T22:28:55.111999999Z"' }))
    expect(clock).toBe(Date.UTC(2020, 10, 23, 22, 28, 55, 111) * 1000 + 999)
  })
})
