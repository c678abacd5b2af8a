/**
 * A picture in characters: curves in braille dots, two by four to a cell, bands as shades beneath them. With colour the
 * curves differ by colour, without it a forecast is a row of `•`. Fits the width given.
 */
import * as DisplayWidth from "../terminal/DisplayWidth.ts"
import type { Style } from "../terminal/Style.ts"
import { type Band, greatest, type Line, type Panel, type Picture } from "./Picture.ts"
import { timeTicks } from "./TimeAxis.ts"
import { short, ticksTo } from "./ValueAxis.ts"

export interface TextPlotOptions {
  /** Cells in a line; at least 40 are used. */
  readonly width: number
  /** Lines of each panel's plot. */
  readonly height: number
  readonly style: Style
  /** Whether `style` has colours. */
  readonly coloured: boolean
}

type Tone = Line["tone"] | Band["tone"]

const shades: Readonly<Record<Band["tone"], string>> = { wide: "░", narrow: "▒" }

/** Bits of a braille cell by column and row (Unicode, "Braille Patterns"). */
const dots = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80]
] as const

const painted = (tone: Tone, style: Style): ((text: string) => string) =>
  tone === "actual"
    ? (text) => text
    : tone === "forecast"
      ? style.accent
      : tone === "second"
        ? style.warning
        : tone === "third"
          ? style.good
          : style.dim

/** Cells of one panel's plot: what stands in each, and in which tone. */
class Canvas {
  readonly columns: number
  readonly rows: number
  private readonly bits: Uint8Array
  private readonly characters: Array<string>
  private readonly tones: Array<Tone | undefined>

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.rows = rows
    this.bits = new Uint8Array(columns * rows)
    this.characters = new Array<string>(columns * rows).fill(" ")
    this.tones = new Array<Tone | undefined>(columns * rows)
  }

  put(column: number, row: number, character: string, tone: Tone | undefined): void {
    if (column < 0 || column >= this.columns || row < 0 || row >= this.rows) return
    const at = row * this.columns + column
    this.characters[at] = character
    this.tones[at] = tone
  }

  /** A dot at twice the columns and four times the rows. */
  dot(x: number, y: number, tone: Tone): void {
    const [column, row] = [x >> 1, y >> 2]
    if (column < 0 || column >= this.columns || row < 0 || row >= this.rows) return
    const at = row * this.columns + column
    this.bits[at]! |= dots[x & 1]![y & 3]!
    this.characters[at] = String.fromCodePoint(0x2800 + this.bits[at]!)
    this.tones[at] = tone
  }

  line(row: number, style: Style): string {
    let line = ""
    let [from, tone]: [number, Tone | undefined] = [0, undefined]
    const flush = (to: number) => {
      const text = this.characters.slice(row * this.columns + from, row * this.columns + to).join("")
      line += tone === undefined ? text : painted(tone, style)(text)
      from = to
    }
    for (let column = 0; column < this.columns; column++) {
      const next = this.tones[row * this.columns + column]
      if (next === tone) continue
      flush(column)
      tone = next
    }
    flush(this.columns)
    return line
  }
}

/**
 * The mean of the known values in each of `count` equal parts of the time; where a part is between points, the value
 * before it.
 */
const sampled = (
  points: ReadonlyArray<readonly [at: number, value: number | null]>,
  { from, to }: Picture,
  count: number
): ReadonlyArray<number | undefined> => {
  const width = (to - from) / count
  const sums = new Float64Array(count)
  const counts = new Uint32Array(count)
  const values = new Array<number | undefined>(count)
  for (const [i, [at, value]] of points.entries()) {
    if (value === null || at < from || at > to) continue
    const first = Math.min(count - 1, Math.floor((at - from) / width))
    const next = points[i + 1]
    // A point holds until the next one, unless that is further away than the usual distance of points.
    const last =
      next === undefined || next[1] === null ? first : Math.min(count - 1, Math.floor((next[0] - from) / width) - 1)
    sums[first]! += value
    counts[first]!++
    for (let part = first + 1; part <= last; part++) values[part] = value
  }
  for (let part = 0; part < count; part++) if (counts[part]! > 0) values[part] = sums[part]! / counts[part]!
  return values
}

const drawBand = (canvas: Canvas, band: Band, picture: Picture, most: number): void => {
  const side = (which: 1 | 2) =>
    sampled(
      band.points.map((point, i) =>
        point === null ? [band.points[i - 1]?.[0] ?? picture.from, null] : [point[0], point[which]]
      ),
      picture,
      canvas.columns
    )
  const [lows, highs] = [side(1), side(2)]
  const rowOf = (value: number) => canvas.rows - (value / most) * canvas.rows
  for (let column = 0; column < canvas.columns; column++) {
    const [low, high] = [lows[column], highs[column]]
    if (low === undefined || high === undefined) continue
    const top = Math.round(rowOf(high))
    const bottom = Math.max(top, Math.round(rowOf(low)) - 1)
    for (let row = top; row <= bottom; row++) canvas.put(column, row, shades[band.tone], band.tone)
  }
}

const drawLine = (canvas: Canvas, line: Line, picture: Picture, most: number, coloured: boolean): void => {
  if (line.tone === "forecast" && !coloured) {
    for (const [column, value] of sampled(line.points, picture, canvas.columns).entries())
      if (value !== undefined)
        canvas.put(column, canvas.rows - 1 - Math.floor(Math.min(0.9999, value / most) * canvas.rows), "•", line.tone)
    return
  }
  const height = canvas.rows * 4
  const yOf = (value: number) => height - 1 - Math.min(height - 1, Math.floor((value / most) * height))
  let before: number | undefined
  for (const [x, value] of sampled(line.points, picture, canvas.columns * 2).entries()) {
    if (value === undefined) {
      before = undefined
      continue
    }
    const y = yOf(value)
    canvas.dot(x, y, line.tone)
    if (before !== undefined) {
      const step = before < y ? 1 : -1
      for (let each = before + step; each !== y && before !== y; each += step) canvas.dot(x, each, line.tone)
    }
    before = y
  }
}

const legend = (panel: Panel, { coloured, style }: TextPlotOptions): string =>
  [
    ...panel.lines.map(
      ({ name, tone }) => `${painted(tone, style)(tone === "forecast" && !coloured ? "•" : "⠒⠒")} ${name}`
    ),
    ...panel.bands.map(({ name, tone }) => `${painted(tone, style)(shades[tone])} ${name}`)
  ].join("   ")

const drawPanel = (panel: Panel, picture: Picture, options: TextPlotOptions): ReadonlyArray<string> => {
  const { coloured, height, style } = options
  const most = greatest(panel)
  const ticks = ticksTo(most)
  const top = ticks.at(-1)!
  const margin = Math.max(...ticks.map((tick) => short(tick).length))
  const columns = Math.max(40, options.width) - margin - 2
  const canvas = new Canvas(columns, height)
  const span = Math.max(1, picture.to - picture.from)
  const columnOf = (at: number) => Math.min(columns - 1, Math.floor(((at - picture.from) / span) * columns))
  if (picture.now !== undefined && picture.now < picture.to)
    for (let row = 0; row < height; row++) canvas.put(columnOf(picture.now), row, "┊", "wide")
  for (const band of panel.bands) drawBand(canvas, band, picture, top)
  for (const line of panel.lines.toReversed()) drawLine(canvas, line, picture, top, coloured)

  const labels = new Map(ticks.map((tick) => [Math.min(height - 1, Math.round(height - (tick / top) * height)), tick]))
  const rows = Array.from({ length: height }, (_, row) => {
    const tick = labels.get(row)
    return `${style.dim((tick === undefined ? "" : short(tick)).padStart(margin))} ${style.dim(tick === undefined ? "│" : "┤")}${canvas.line(row, style)}`.trimEnd()
  })
  const axis = new Array<string>(columns).fill("─")
  let times = ""
  for (const { at, label } of timeTicks(
    picture.from,
    picture.to,
    picture.timeZone,
    Math.max(2, Math.floor(columns / 12))
  )) {
    const column = columnOf(at)
    axis[column] = "┴"
    const start = Math.max(0, column - Math.floor(label.length / 2))
    if ((times === "" || start > times.length) && start + label.length <= columns) times = times.padEnd(start) + label
  }
  const indent = " ".repeat(margin + 1)
  return [
    `${style.bold(`${panel.title}, ${panel.unit}`)}   ${legend(panel, options)}`,
    ...rows,
    style.dim(`${indent}└${axis.join("")}`),
    style.dim(`${indent} ${times}`)
  ]
}

/** Lines without newlines: the title, the notes, the panels. */
export const pictureText = (picture: Picture, options: TextPlotOptions): ReadonlyArray<string> => [
  options.style.bold(DisplayWidth.truncate(`${picture.title}, times in ${picture.timeZone}`, options.width)),
  ...picture.panels.flatMap((panel) => ["", ...drawPanel(panel, picture, options)])
]
