/**
 * Makes untrusted text safe for a terminal. Characters that would control it or reorder the line
 * (control and bidirectional characters, line separators) become escapes, as in JSON.
 */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, escaped)
}

/** Returns JSON that is safe for a terminal, too. */
export function printableJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replaceAll(UNSAFE_IN_JSON, escaped)
}

const UNSAFE = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu
/** JSON itself escapes the characters below U+0020. The line feeds between its lines are kept. */
const UNSAFE_IN_JSON = /[\x7F-\x9F\p{Bidi_Control}\p{Zl}\p{Zp}]/gu

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(character: string): string {
  return SHORT_ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
