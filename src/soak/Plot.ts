/**
 * A curve over the hours as inline SVG: one panel, its colours from the page's style, so that light and dark both read
 * well.
 */
import { escapeText } from "../cli/plot/Markup.ts"
import { short, ticksTo } from "../cli/plot/ValueAxis.ts"
import type { Panel } from "./SoakResult.ts"

const width = 640
const height = 190
const left = 56
const right = 12
const top = 10
const bottom = 26

const fixed = (value: number): string => value.toFixed(1)

/** `faults` are hours, drawn as thin upright lines. `decimals` of an hour on the axis follow from its length. */
export const plot = (panel: Panel, hours: number, faults: ReadonlyArray<number>): string => {
  const values = panel.series.flatMap(({ points }) => points.map(([, y]) => y))
  const yTicks = ticksTo(values.reduce((most, value) => Math.max(most, value), 0))
  const most = yTicks.at(-1)!
  const x = (hour: number) => left + (Math.min(hour, hours) / hours) * (width - left - right)
  const y = (value: number) => height - bottom - (value / most) * (height - top - bottom)
  const grid = yTicks.map(
    (tick) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${fixed(y(tick))}" y2="${fixed(y(tick))}"/><text x="${left - 6}" y="${fixed(y(tick) + 4)}" text-anchor="end">${short(tick)}</text>`
  )
  const xTicks = ticksTo(hours).filter((tick) => tick <= hours)
  const axis = xTicks.map(
    (tick) => `<text x="${fixed(x(tick))}" y="${height - 8}" text-anchor="middle">${tick} h</text>`
  )
  const marks = faults.map(
    (hour) => `<line class="fault" x1="${fixed(x(hour))}" x2="${fixed(x(hour))}" y1="${top}" y2="${height - bottom}"/>`
  )
  const curves = panel.series.map(
    ({ name, points }, i) =>
      `<polyline class="c${i}" points="${points.map(([hour, value]) => `${fixed(x(hour))},${fixed(y(value))}`).join(" ")}"><title>${escapeText(name)}</title></polyline>`
  )
  const title = escapeText(`${panel.title}, ${panel.unit}`)
  // An empty one keeps plots side by side at one height.
  const named = panel.series.length === 1 ? [] : panel.series
  const legend = `<p class="legend">${named.map(({ name }, i) => `<span><i class="c${i}"></i>${escapeText(name)}</span>`).join("")}</p>`
  return `<figure><figcaption>${title}</figcaption>${legend}<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">${[...grid, ...axis, ...marks, ...curves].join("")}</svg></figure>`
}
