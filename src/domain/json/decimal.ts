/**
 * A decimal number, exactly: digits × 10^exponent. The digits neither begin nor end with a zero,
 * so that equal numbers have equal fields: 120.0 is `12` and 1.
 */
export interface Decimal {
  readonly negative: boolean
  /** Empty for zero. */
  readonly digits: string
  readonly exponent: number
}

const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/** Reads the text of a JSON number (RFC 8259, section 6); undefined if it is not one. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = NUMBER.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const significant = (whole + fraction).replace(/^0+/, '')
  const digits = withoutTrailingZeros(significant)
  return {
    negative: sign === '-' && digits !== '',
    digits,
    exponent:
      digits === '' ? 0 : Number(exponent) - fraction.length + significant.length - digits.length,
  }
}

/** Not `/0+$/`: it scans a run of zeros once per zero, and a million zeros would take hours. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length
  while (digits[end - 1] === '0') end--
  return digits.slice(0, end)
}

/** Whether two texts are the same decimal number, as `1.10` and `1.1` are. */
export function sameDecimal(a: string, b: string): boolean {
  const left = parseDecimal(a)
  const right = parseDecimal(b)
  return (
    left !== undefined &&
    right !== undefined &&
    left.negative === right.negative &&
    left.digits === right.digits &&
    left.exponent === right.exponent
  )
}
