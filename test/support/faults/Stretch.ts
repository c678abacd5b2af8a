/** Stretches of time. */
export interface Stretch {
  /** In milliseconds since 1970. */
  readonly from: number
  readonly to: number
}

/** The same times, in order and apart from each other. */
export const merged = (stretches: ReadonlyArray<Stretch>): ReadonlyArray<Stretch> => {
  const apart: Array<Stretch> = []
  for (const stretch of stretches.filter(({ from, to }) => from < to).toSorted((a, b) => a.from - b.from)) {
    const last = apart.at(-1)
    if (last === undefined || stretch.from > last.to) apart.push(stretch)
    else apart[apart.length - 1] = { from: last.from, to: Math.max(last.to, stretch.to) }
  }
  return apart
}

/** What of one is in none of the others. */
export const without = (whole: Stretch, others: ReadonlyArray<Stretch>): ReadonlyArray<Stretch> => {
  const left: Array<Stretch> = []
  let from = whole.from
  for (const other of merged(others)) {
    left.push({ from, to: Math.min(other.from, whole.to) })
    from = Math.max(from, other.to)
  }
  return [...left, { from, to: whole.to }].filter((stretch) => stretch.from < stretch.to)
}

export const lengthOf = (stretches: ReadonlyArray<Stretch>): number =>
  stretches.reduce((sum, { from, to }) => sum + to - from, 0)
