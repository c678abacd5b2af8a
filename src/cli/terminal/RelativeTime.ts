const units: ReadonlyArray<readonly [name: string, milliseconds: number, next: number]> = [
  ["s", 1000, 60],
  ["min", 60_000, 60],
  ["h", 3_600_000, 24],
  ["d", 86_400_000, Number.POSITIVE_INFINITY]
]

/**
 * When something was or will be, seen from `nowMillis`: `3 s ago`, `in 5 min`, `2 d ago`, and `now` within half a
 * second. Both are epoch milliseconds of the same clock. Rounded to the nearest of one unit, so `--in 5m` reads `in 5
 * min` right after it was accepted.
 */
export const relativeTime = (atMillis: number, nowMillis: number): string => {
  const distance = Math.abs(atMillis - nowMillis)
  for (const [name, milliseconds, next] of units) {
    const n = Math.round(distance / milliseconds)
    if (n === 0) return "now"
    if (n < next) return atMillis > nowMillis ? `in ${n} ${name}` : `${n} ${name} ago`
  }
  return "–"
}
