/** The invariants of every result of the decoder. */
import type { Decoded, DecodeRules } from '../../src/domain/event/decode.ts'
import { type GroupEvent, MAX_ID_BYTES } from '../../src/domain/event/event.ts'
import { JsonText, type StoredValue, textOf } from '../../src/domain/json/stored-value.ts'
import { type Problem, REASONS } from '../../src/domain/problem.ts'
import { formatClock } from '../../src/domain/time/timestamp.ts'

/**
 * Returns the first invariant that the result violates; undefined if there is none.
 *
 * @param nowMs the time of decoding
 */
export function violationOf(
  decoded: Decoded,
  rules: DecodeRules,
  nowMs: number,
): string | undefined {
  switch (decoded.kind) {
    case 'group':
      return violationOfEvent(decoded, rules, nowMs)
    case 'erasure':
      return first([violationOfId(decoded.groupId), violationOfClock(decoded.clock, rules, nowMs)])
    case 'ignored':
      return decoded.type === 'group' ? 'an event of our type was ignored' : undefined
    case 'rejected':
      return first([
        decoded.problems.length === 0 && 'rejected without a reason',
        ...decoded.problems.map(violationOfProblem),
      ])
    default:
      return decoded satisfies never
  }
}

/** Writes the event again from its decoded form; decoding that must give the same event. */
export function rewrite({ groupId, userId, assigned, clock, traits }: GroupEvent): Buffer {
  const members = Array.from(traits, ([name, value]) => `${JSON.stringify(name)}:${jsonOf(value)}`)
  const fields = {
    type: 'group',
    group_id: groupId,
    user_id: userId,
    anonymousId: 'somebody',
    assigned,
    timestamp: formatClock(clock),
  }
  return Buffer.from(`{"traits":{${members}},${JSON.stringify(fields).slice(1)}`)
}

function violationOfEvent(event: GroupEvent, rules: DecodeRules, nowMs: number) {
  const { groupId, userId, clock, traits } = event
  return first([
    violationOfId(groupId),
    userId !== null && violationOfId(userId),
    violationOfClock(clock, rules, nowMs),
    traits.size > rules.maxTraits && `${traits.size} traits`,
    ...Array.from(traits, ([name, value]) => violationOfTrait(name, value, rules)),
  ])
}

function violationOfTrait(name: string, value: StoredValue | null, rules: DecodeRules) {
  const text = value === null ? '' : textOf(value)
  return first([
    name.trim() === '' && 'a trait with a blank name',
    !name.isWellFormed() && 'a lone surrogate in a trait name',
    !text.isWellFormed() && 'a lone surrogate in a trait value',
    Buffer.byteLength(name) > rules.maxTraitNameBytes && 'a trait name over the limit',
    Buffer.byteLength(text) > rules.maxTraitValueBytes && 'a trait value over the limit',
    value instanceof JsonText && !isJson(text) && 'a stored form that is not JSON',
  ])
}

function violationOfId(id: string) {
  const bytes = Buffer.byteLength(id)
  return first([
    id.trim() === '' && 'a blank id',
    bytes > MAX_ID_BYTES && `an id of ${bytes} bytes`,
    !id.isWellFormed() && 'a lone surrogate in an id',
  ])
}

function violationOfClock(clock: number, { maxClockSkewMs }: DecodeRules, nowMs: number) {
  // the record's own timestamp may be ahead of now by the same skew
  const latest = (nowMs + 2 * maxClockSkewMs) * 1000 + 999
  const isFine = Number.isSafeInteger(clock) && clock >= 0 && clock <= latest
  return !isFine && `a clock of ${clock}`
}

function violationOfProblem({ reason, path, message }: Problem) {
  return first([
    !REASONS.includes(reason) && `an unknown reason: ${reason}`,
    !/^(\/([^~/]|~[01])*)*$/.test(path) && 'a path that is not a JSON Pointer',
    path.length > 2000 && `a path of ${path.length} characters`,
    !/^.{1,300}$/.test(message) && `a message of ${message.length} characters`,
  ])
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function jsonOf(value: StoredValue | null): string {
  if (value === null) return 'null'
  return typeof value === 'string' ? JSON.stringify(value) : value.text
}

function first(violations: readonly (string | false | undefined)[]): string | undefined {
  return violations.find((violation) => typeof violation === 'string')
}
