import { isRawNumber } from './exact-numbers.ts'

/**
 * Whether a document has more than `levels` levels of objects and arrays. The document itself is
 * level 1: `{"a":[]}` has two. `text` is the document's source.
 */
export function isDeeperThan(document: unknown, levels: number, text: string): boolean {
  return hasMoreBrackets(text, levels) && exceeds(document, levels)
}

/** A fast first check: a text with no more opening brackets than levels cannot be deeper. */
function hasMoreBrackets(text: string, count: number): boolean {
  let seen = 0
  for (const bracket of '{[') {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      seen++
      if (seen > count) return true
    }
  }
  return false
}

/** Recurses no deeper than `levels`. A `RawNumber` is an object to JavaScript, but no level. */
function exceeds(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return false
  if (levels === 0) return true
  return Object.values(value).some((member) => exceeds(member, levels - 1))
}
