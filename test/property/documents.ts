/** Arbitrary texts, numbers and JSON documents. */
import fc from 'fast-check'

/** Arbitrary text, including lone surrogates and characters that JSON escapes. */
export const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc
    .array(fc.integer({ min: 0xd7f0, max: 0xe010 }), { maxLength: 6 })
    .map((units) => String.fromCharCode(...units)),
)

/** Text without lone surrogates, which UTF-8 can encode. */
export const unicodeText = anyText.map((text) => text.toWellFormed())

const digits = (max: number) =>
  fc
    .array(fc.constantFrom(...'0123456789', '0', '9'), { minLength: 1, maxLength: max })
    .map((of) => of.join(''))

/** The text of a JSON number: short or long, with or without fraction and exponent. */
export const numberSource = fc
  .record({
    sign: fc.constantFrom('', '-'),
    whole: fc.oneof(
      fc.constant('0'),
      digits(25).map((text) => text.replace(/^0+(?=.)/, '')),
    ),
    fraction: fc.oneof(
      fc.constant(''),
      digits(25).map((text) => `.${text}`),
    ),
    exponent: fc.oneof(
      fc.constant(''),
      fc
        .tuple(
          fc.constantFrom('e', 'E'),
          fc.constantFrom('', '+', '-'),
          fc.integer({ min: 0, max: 400 }),
        )
        .map((parts) => parts.join('')),
    ),
  })
  .map(({ sign, whole, fraction, exponent }) => sign + whole + fraction + exponent)

const memberName = fc.oneof(
  anyText,
  fc.constantFrom('a', 'b', '1', '0', '__proto__', 'constructor', 'toString', 'toJSON', 'rawJSON'),
)

/** The text of a JSON value, with any form of numbers, and with names that may repeat. */
export const { json: jsonSource } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false'),
    numberSource,
    anyText.map((text) => JSON.stringify(text)),
    fc.array(tie('json'), { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
    fc
      .array(fc.tuple(memberName, tie('json')), { maxLength: 4 })
      .map(
        (members) =>
          `{${members.map(([name, value]) => `${JSON.stringify(name)} :${value}`).join()}}`,
      ),
  ),
}))
