/** Changes single tokens of JSON, so that the result is often still JSON and gets past the parser. */
import type { Chance } from '../setup/chance.ts'

/** Returns the bytes with one token changed; `other` is JSON to take tokens from. */
export function mutateJson(bytes: Buffer, other: Buffer, chance: Chance): Buffer {
  const text = bytes.toString('latin1')
  const tokens = tokensOf(text)
  if (tokens.length === 0) return bytes
  const [from, to] = chance.pick(tokens)
  const token = text.slice(from, to)
  const changed = chance.pick(CHANGES)(token, other, chance)
  return Buffer.from(text.slice(0, from) + changed + text.slice(to), 'latin1')
}

const TOKEN = /"(?:[^"\\]|\\.)*"(?:\s*:)?|[^\s{}[\]:,"]+|[{}[\],:]/g
const MAX_CHARACTERS = 20_000

/** Finds the tokens of a text: names with their colon, scalars, brackets, commas. */
function tokensOf(text: string): [from: number, to: number][] {
  const ranges: [number, number][] = []
  for (const match of text.slice(0, MAX_CHARACTERS).matchAll(TOKEN)) {
    ranges.push([match.index, match.index + match[0].length])
  }
  return ranges
}

type Change = (token: string, other: Buffer, chance: Chance) => string

const replace: Change = (token, _, chance) => {
  if (isName(token)) return `${utf8(chance.pick(NAMES))}:`
  return /^[{}[\],:]/.test(token) ? token : utf8(someValue(chance))
}

const takeOther: Change = (token, other, chance) => {
  const text = other.toString('latin1')
  const [from, to] = chance.pick(tokensOf(text)) ?? [0, 0]
  const taken = text.slice(from, to)
  return isName(taken) === isName(token) ? taken : token + taken
}

/** Inserts a member before a name, often with the same name; sometimes hundreds of members. */
const addMember: Change = (token, _, chance) => {
  if (!isName(token)) return token
  if (chance.oneIn(40)) return members(chance.pick([512, 513, 600])) + token
  const name = chance.oneIn(2) ? token : `${utf8(chance.pick(NAMES))}:`
  return `${name}${utf8(someValue(chance))},${token}`
}

const nest: Change = (token, _, chance) => {
  if (isName(token) || /^[{}[\],:]/.test(token)) return token
  const levels = chance.oneIn(200) ? 100_000 : chance.pick([1, 2, 27, 28, 29, 30, 31, 40, 3000])
  const [open, close] = chance.pick(BRACKETS)
  return open.repeat(levels) + token + (chance.oneIn(20) ? '' : close.repeat(levels))
}

const remove: Change = () => ''

const CHANGES = [
  ...[replace, replace, replace, replace, replace],
  ...[addMember, addMember, addMember, nest, takeOther, remove],
]

const isName = (token: string) => token.endsWith(':') && token.length > 1

const BRACKETS = [
  ['[', ']'],
  ['{"a":', '}'],
  ['[[{"__proto__":', '}]]'],
] as const

function someValue(chance: Chance): string {
  if (chance.oneIn(40)) return chance.pick(LONG)(chance.below(chance.pick([300, 3000, 40_000])))
  return chance.pick(VALUES)
}

const LONG: readonly ((length: number) => string)[] = [
  (length) => `1${'0'.repeat(length)}1`,
  (length) => `-0.${'0'.repeat(length)}1e${length}`,
  (length) => `"${'x'.repeat(length)}"`,
  (length) => `"${'é😀'.repeat(length / 4)}"`,
  (length) => `"${'\\u0000'.repeat(length / 4)}"`,
  (length) => `[${'1e400,'.repeat(length / 8)}0]`,
  (length) => `{${members(length / 8)}"last":1}`,
]

/** Literals, numbers, texts, times and containers at the limits of the event contract. */
const VALUES = [
  ...['null', 'true', 'false', '{}', '[]', '[null]', '{"a":null}', '{"a":1,"a":2}'],
  ...['{"length":1e400}', '{"length":{"toString":1}}', '{"length":[1e400]}', '{"size":1e400}'],
  ...['{"city":"Ulm"}', '{"postal_code":1,"postalCode":"1"}', '{"postalCode":2,"postal_code":1}'],
  ...['0', '-0', '0.0', '-1', '1e400', '-1e400', '1e-400', '1E+2', '1.10', '1e21', '1e99999999999'],
  ...['9007199254740991', '9007199254740993', '0.1000000000000000055', '-9007199254740992'],
  ...['1700000000', '1700000000000', '1700000000000000', '99999999999', '1e11', '1e14', '1e16'],
  ...['00', '1.', '.5', '+1', '0x10', 'NaN', 'Infinity', '-', '1e', 'undefined', 'nul'],
  ...['""', '" "', '"\u00a0\u2003"', '"a"', '"\\u0000"', '"é"', '"😀"', '"\u{10ffff}"'],
  ...['"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\u"', '"\\x"', '"\ufffd"'],
  ...['"__proto__"', '"constructor"', '"group"', '"Group"', '"track"', '"identify"'],
  ...['"2024-02-29"', '"2023-02-29"', '"2024-01-01T24:00:00Z"', '"2024-01-01T00:00:60Z"'],
  ...['"20-11-23T22:28:55.111Z"', '"1969-12-31T23:59:59Z"', '"9999-12-31T23:59:59.999999999Z"'],
  ...[
    '"2025-12-31t23:59+23:59"',
    '"2026-01-02T00:00:00.000999-00:00"',
    '"2026-01-02T00:00:00.001Z"',
  ],
  ...['"1606170535"', '"2024-01-01T00:00:00,123456789Z"', '" 2024-01-01"', '"yesterday"'],
]

const NAMES = [
  ...['group_id', 'groupId', 'user_id', 'userId', 'traits', 'timestamp', 'context', 'type'],
  ...['assigned', 'anonymousId', 'address', 'city', 'postal_code', 'postalCode', 'employees'],
  ...['email', 'avatar', 'website', 'plan', 'name', '__proto__', 'constructor', 'toString'],
  ...['toJSON', 'rawJSON', '', ' ', '0', '1', '\\ud800', 'é'.repeat(129), 'a'.repeat(256)],
].map((name) => `"${name}"`)

function members(count: number): string {
  return Array.from({ length: count }, (_, at) => `"${at}":${at},`).join('')
}

/** Converts a text to the form of the other texts here: one character per byte of UTF-8. */
function utf8(text: string): string {
  return Buffer.from(text).toString('latin1')
}
