/**
 * What a whole screen shows, cell by cell, and the smallest writes that turn one such picture into the next. No line
 * reaches the last column, where terminals disagree on wrapping. Every text is made safe here, whoever wrote it.
 */
import type { JobState } from "../../services/Queue/index.ts"
import { sequence } from "./ControlSequence.ts"
import * as DisplayWidth from "./DisplayWidth.ts"
import { graphemes } from "./Graphemes.ts"
import * as Sanitize from "./Sanitize.ts"
import type { Style } from "./Style.ts"

/** How a piece of text is meant; `Style` says how that looks. */
export type Tone = "plain" | Exclude<keyof Style, "state" | "chosen"> | JobState

/** Text of one tone, anybody's; control characters and line ends are shown as escapes. */
export interface Piece {
  readonly text: string
  readonly tone: Tone
}

export interface Line {
  readonly pieces: ReadonlyArray<Piece>
  /** The row that keys act on. */
  readonly chosen: boolean
}

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** One character, with its marks, in one or two columns. */
interface Cell {
  readonly text: string
  readonly width: number
  readonly tone: Tone
  readonly chosen: boolean
}

type Row = ReadonlyArray<Cell>
export type Frame = ReadonlyArray<Row>

export const piece = (text: string, tone: Tone = "plain"): Piece => ({ text, tone })

export const line = (...pieces: ReadonlyArray<Piece>): Line => ({ pieces, chosen: false })

/** Columns that text may take. */
export const widthOf = ({ columns }: Size): number => Math.max(0, columns - 1)

const ascii = /^[\x20-\x7e]*$/

const rowOf = ({ chosen, pieces }: Line, width: number): Row => {
  const row: Array<Cell> = []
  let used = 0
  for (const { text, tone } of pieces) {
    const shown = Sanitize.fitted(text, width - used)
    for (const each of ascii.test(shown) ? shown : graphemes(shown)) {
      const cells = DisplayWidth.cells(each)
      // A mark without a letter before it is drawn nowhere.
      if (cells > 0) row.push({ text: each, width: cells, tone, chosen })
      used += cells
    }
  }
  if (chosen) while (used++ < width) row.push({ text: " ", width: 1, tone: "plain", chosen })
  // Blank cells at the end are what an erased line has.
  while (row.length > 0 && row.at(-1)!.text === " " && !row.at(-1)!.chosen) row.pop()
  return row
}

/** `lines` on a screen of this size: too long ones are cut, too many left out. */
export const frame = (lines: ReadonlyArray<Line>, size: Size): Frame => {
  const width = widthOf(size)
  return Array.from({ length: size.rows }, (_, i) => (i < lines.length ? rowOf(lines[i]!, width) : []))
}

const isSame = (a: Cell | undefined, b: Cell | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.text === b.text && a.tone === b.tone && a.chosen === b.chosen)

/** One column wide on every terminal: ASCII, Latin, punctuation, arrows, lines and blocks. */
const certain = /^[ -~¡-ɏ‐-…←-⇿─-◿]$/

const isCertain = (row: Row): boolean => row.every(({ text }) => certain.test(text))

const goTo = (row: number, column: number): string => sequence(`${row + 1};${column + 1}`, "H")

const paint = (text: string, { chosen, tone }: Cell, style: Style): string => {
  // Colours exchanged one by one make a row of patches.
  if (chosen) return style.chosen(text)
  if (tone === "plain") return text
  return tone in style ? style[tone as Exclude<Tone, "plain" | JobState>](text) : style.state(tone as JobState, text)
}

/**
 * Cells one after the other, neighbours of one look together. Where terminals may disagree on a width, the next cell is
 * gone to.
 */
const written = (row: number, from: number, cells: Row, style: Style): string => {
  let text = goTo(row, from)
  let column = from
  let run = ""
  let isKnown = true
  for (const [i, cell] of cells.entries()) {
    if (!isKnown) text += goTo(row, column)
    run += cell.text
    column += cell.width
    isKnown = certain.test(cell.text)
    const next = cells[i + 1]
    if (next !== undefined && isKnown && next.tone === cell.tone && next.chosen === cell.chosen) continue
    text += paint(run, cell, style)
    run = ""
  }
  return text
}

/**
 * Going somewhere takes some eight bytes: so many cells that stay as they are cost no more when they are written again.
 */
const gapMost = 6

const rowDifference = (at: number, before: Row, after: Row, style: Style): string => {
  const eraseRight = sequence("0", "K")
  // Only where each cell is a column can cells be changed one by one.
  if (!isCertain(before) || !isCertain(after))
    return goTo(at, 0) + eraseRight + (after.length === 0 ? "" : written(at, 0, after, style))
  let text = ""
  let from = -1
  let to = -1
  for (const [i, cell] of after.entries()) {
    if (isSame(before[i], cell)) continue
    if (from >= 0 && i - to > gapMost) {
      text += written(at, from, after.slice(from, to), style)
      from = -1
    }
    if (from < 0) from = i
    to = i + 1
  }
  if (from >= 0) text += written(at, from, after.slice(from, to), style)
  if (before.length > after.length)
    text += (to === after.length && from >= 0 ? "" : goTo(at, after.length)) + eraseRight
  return text
}

/**
 * What to write where `before` is shown so that `after` is; without `before` all of it. Both have the same number of
 * rows.
 */
export const difference = (before: Frame | undefined, after: Frame, style: Style): string =>
  before === undefined
    ? sequence("2", "J") + after.map((row, i) => (row.length === 0 ? "" : written(i, 0, row, style))).join("")
    : after
        .map((row, i) =>
          row === before[i] || isSameRow(before[i]!, row) ? "" : rowDifference(i, before[i]!, row, style)
        )
        .join("")

const isSameRow = (a: Row, b: Row): boolean => a.length === b.length && a.every((cell, i) => isSame(cell, b[i]))
