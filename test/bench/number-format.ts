/** Formats numbers for people. */

/** Rounded, with commas between thousands: `12,346`. */
export const whole = (value: number) => Math.round(value).toLocaleString('en')

/** `0.1` */
export const tenths = (value: number) => value.toFixed(1)
