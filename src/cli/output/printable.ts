/**
 * Text of strangers for a terminal: what would steer it or reorder the line (control and
 * bidirectional characters, line separators) is written as its escape, as in JSON.
 */
export function printable(text: string): string {
  return text.replaceAll(STEERING, escaped)
}

/** JSON for people and programs, in which nothing can steer a terminal either. */
export function printableJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replaceAll(STEERING_IN_JSON, escaped)
}

const STEERING = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu
/** JSON itself escapes what is below a blank, and is laid out by line feeds. */
const STEERING_IN_JSON = /[\x7F-\x9F\p{Bidi_Control}\p{Zl}\p{Zp}]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(character: string): string {
  return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
