/** A decimal number, exactly: digits × 10^exponent, the digits without zeros at either end. */
export interface Decimal {
  readonly negative: boolean
  /** '' is zero. */
  readonly digits: string
  readonly exponent: number
}

const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/** Reads a JSON number's text (RFC 8259, section 6); undefined where it is none. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = NUMBER.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const significant = (whole + fraction).replace(/^0+/, '')
  const digits = withoutZerosBehind(significant)
  return {
    negative: sign === '-' && digits !== '',
    digits,
    exponent:
      digits === '' ? 0 : Number(exponent) - fraction.length + significant.length - digits.length,
  }
}

/** Not `/0+$/`, which goes through a run of zeros once for each: a million of them take hours. */
function withoutZerosBehind(digits: string): string {
  let end = digits.length
  while (digits[end - 1] === '0') end--
  return digits.slice(0, end)
}

/** Whether two number texts have the same decimal value: `1.10` and `1.1` have. */
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
