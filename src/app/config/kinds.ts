/**
 * The kinds of settings. Each is a zod schema whose error describes a valid value, in words that
 * follow "must be".
 */
import { z } from 'zod'

/** One line of text that is not blank. */
export function text() {
  const error = 'text that is not blank'
  return z.string({ error }).regex(/^(?=.*\S)\P{Cc}+$/u, { error })
}

/** Text that matches the pattern, which `error` describes. */
export function textLike(pattern: RegExp, error: string) {
  return z.string({ error }).regex(pattern, { error })
}

export function topicName() {
  return textLike(
    /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
    'the name of a topic: 1 to 249 letters, digits, ".", "_" or "-"',
  )
}

export function flag() {
  return z.boolean({ error: 'true or false' })
}

export function choice<const Options extends readonly [string, ...string[]]>(options: Options) {
  return z.enum(options, { error: `one of ${options.join(', ')}` })
}

export function whole(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

/** A duration: milliseconds, or a number with a unit (`24h`). Parsed to milliseconds. */
export function durationMs(min: string, max: string) {
  return quantity(MS, min, max, 'milliseconds or a number with ms, s, m, h or d').meta({
    unit: 'ms',
  })
}

/** A size: bytes, or a number with a unit (`1MiB`). Parsed to bytes. */
export function sizeBytes(min: string, max: string) {
  return quantity(BYTES, min, max, 'bytes or a number with KiB, MiB or GiB').meta({
    unit: 'bytes',
  })
}

function quantity(units: Readonly<Record<string, number>>, min: string, max: string, form: string) {
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?) ?(${Object.keys(units).join('|')})?$`)
  const inBaseUnit = (given: number | string): number => {
    const [, digits = '', unit = ''] = pattern.exec(String(given)) ?? []
    return Math.round(Number(digits) * (units[unit] ?? 1))
  }
  const error = `from ${min} to ${max}, as ${form}`
  return z
    .union(
      [z.int({ error }).nonnegative({ error }), z.string({ error }).regex(pattern, { error })],
      {
        error,
      },
    )
    .transform(inBaseUnit)
    .refine((value) => value >= inBaseUnit(min) && value <= inBaseUnit(max), { error })
}
