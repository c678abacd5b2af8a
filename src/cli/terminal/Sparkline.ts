/** A row of bars, one per value, from the least to the most of them: the shape of a curve in one line of text. */
const bars = "▁▂▃▄▅▆▇█"

/**
 * At most `width` bars; each stands for the largest of the values it covers. The lowest bar is the least of them, or
 * `from`.
 */
export const sparkline = (values: ReadonlyArray<number>, width: number, from?: number): string => {
  const count = Math.min(width, values.length)
  const tops = Array.from({ length: count }, (_, i) =>
    Math.max(...values.slice(Math.floor((i * values.length) / count), Math.floor(((i + 1) * values.length) / count)))
  )
  const least = from ?? Math.min(...tops)
  const span = Math.max(...tops) - least
  return tops.map((top) => bars[span === 0 ? 0 : Math.round(((top - least) / span) * (bars.length - 1))]!).join("")
}
