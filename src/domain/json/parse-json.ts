import { mayLoseDigits } from './exact-numbers.ts'
import { parseExactly } from './exact-parser.ts'

/**
 * Parses JSON text. Numbers that a double cannot hold are `RawNumber`s. The same text gives the same
 * value, whatever was parsed before.
 *
 * `JSON.parse` alone does not promise that. In Node 24 and 25 it can read a name with an escape as
 * another name, of a document that was parsed earlier (nodejs/node#63785). So it parses only
 * documents without such names and without long numbers: nearly all.
 *
 * @returns undefined if the text is not JSON
 */
export function parseJson(text: string): unknown {
  if (mayLoseDigits(text) || hasEscapedName(text)) return parseExactly(text)
  try {
    return JSON.parse(text)
  } catch {
    // the syntax error is dropped: it quotes the text, which must not get into logs
    return undefined
  }
}

/** Whether a string with an escape is followed by a colon. */
function hasEscapedName(text: string): boolean {
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at)) {
    while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
    at++
    while (BLANKS.includes(text.charAt(at) || '.')) at++
    if (text[at] === ':') return true
  }
  return false
}

/** RFC 8259, section 2. */
const BLANKS = ' \t\n\r'
