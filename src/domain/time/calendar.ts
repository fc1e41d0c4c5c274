/** The calendar of ISO 8601 in UTC, from year 0 on. */

/** @param month 1 is January */
export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

/**
 * Returns the seconds from 1970 to a date and time in UTC, negative before. The date must exist.
 *
 * @param month 1 is January
 */
export function secondsSince1970(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number {
  return daysSince1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
}

/** Counts years from March, so that the leap day is the last day of its year. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1
  const marchMonth = (month + 9) % 12
  const leapDays =
    Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400)
  const dayOfYear = Math.floor((153 * marchMonth + 2) / 5) + day - 1
  return marchYear * 365 + leapDays + dayOfYear - DAYS_FROM_MARCH_0_TO_1970
}

const DAYS_FROM_MARCH_0_TO_1970 = 719_468
