/** The upright axis of a plot: round numbers from 0. */

/** Round numbers, three to six of them, from 0 to at least `most`. */
export const ticksTo = (most: number): ReadonlyArray<number> => {
  if (!(most > 0)) return [0, 1]
  const rough = most / 4
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((step) => step >= rough)!
  const count = Math.ceil(most / step - 1e-9)
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(6)))
}

/** A tick in few characters: `2500`, `25k`, `1.5M`. */
export const short = (value: number): string =>
  value >= 1e6 ? `${value / 1e6}M` : value >= 10_000 ? `${value / 1000}k` : String(value)
