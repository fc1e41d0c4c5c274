/** What must hold of whatever the decoder answers. */
import type { Decoded, DecodeRules } from '../../src/domain/event/decode.ts'
import { type GroupEvent, MAX_ID_BYTES } from '../../src/domain/event/event.ts'
import { JsonText, type StoredValue, textOf } from '../../src/domain/json/stored-value.ts'
import { type Problem, REASONS } from '../../src/domain/problem.ts'
import { formatClock } from '../../src/domain/time/timestamp.ts'

/** What is wrong with the answer, undefined where nothing is. `nowMs` is the time of decoding. */
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
      return decoded.type === 'group' ? 'an event of our type was passed over' : undefined
    case 'rejected':
      return first([
        decoded.problems.length === 0 && 'rejected for nothing',
        ...decoded.problems.map(violationOfProblem),
      ])
    default:
      return decoded satisfies never
  }
}

/** The event written anew from what is stored of it: it must decode to the same. */
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
    name.trim() === '' && 'a trait of a blank name',
    !name.isWellFormed() && 'a lone surrogate in the name of a trait',
    !text.isWellFormed() && 'a lone surrogate in the value of a trait',
    Buffer.byteLength(name) > rules.maxTraitNameBytes && 'the name of a trait over the limit',
    Buffer.byteLength(text) > rules.maxTraitValueBytes && 'the value of a trait over the limit',
    value instanceof JsonText && !isJson(text) && 'a stored form that is no JSON',
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
  // a record may itself be ahead of now by as much
  const latest = (nowMs + 2 * maxClockSkewMs) * 1000 + 999
  const isFine = Number.isSafeInteger(clock) && clock >= 0 && clock <= latest
  return !isFine && `a clock of ${clock}`
}

function violationOfProblem({ reason, path, message }: Problem) {
  return first([
    !REASONS.includes(reason) && `an unknown reason: ${reason}`,
    !/^(\/([^~/]|~[01])*)*$/.test(path) && 'a path that is no JSON pointer',
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
