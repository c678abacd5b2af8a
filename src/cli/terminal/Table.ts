import * as DisplayWidth from "./DisplayWidth.ts"
import * as Sanitize from "./Sanitize.ts"
import { plain, type Style } from "./Style.ts"

/** One column of a table over rows of type `Row`. */
export interface Column<Row> {
  /** Raw text as well. */
  readonly header: string
  /** The cell as raw text; the table makes it safe to show. Never coloured: colour goes through `style`. */
  readonly value: (row: Row) => string
  /** `right` for numbers; such a column is never truncated, since a cut number is a wrong one. Default `left`. */
  readonly align?: "left" | "right"
  /** Colours the cell once it is cut and padded. */
  readonly style?: (cell: string, row: Row, style: Style) => string
  /** Shown with `--wide` only. */
  readonly wide?: boolean
  /** Fewest cells this column may be cut to, 8 unless said. */
  readonly minimum?: number
  /** Left out where the terminal is too narrow for all columns at their minimum: 1 goes first. Stays unless said. */
  readonly leaves?: number
}

export interface TableOptions {
  /** Cells the terminal has in a line; `undefined` when not a terminal: nothing is cut then. */
  readonly width: number | undefined
  /** `--wide`: every column, nothing cut. */
  readonly wide: boolean
  readonly style: Style
}

const gap = "  "

/**
 * A table as lines without newlines: a header, then a line per row, columns aligned two spaces apart, no space at the
 * end. On a terminal the lines fit: the widest left-aligned column is cut first, cell by cell, down to its minimum, and
 * cut text ends in `…`; where that is too wide, columns leave, and then the lines themselves are cut. No rows, no
 * header: an empty list is the caller's to explain. Measures every cell once.
 */
export const render = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>,
  options: TableOptions
): ReadonlyArray<string> => {
  if (rows.length === 0) return []
  const limit = options.wide ? undefined : options.width
  // Cut before measuring: a payload of a megabyte need not be measured to know that it does not fit.
  const read = (text: string) => (limit === undefined ? Sanitize.line(text) : Sanitize.fitted(text, limit + 1))
  const all = columns
    .filter((column) => options.wide || column.wide !== true)
    .map((column) => {
      const header = read(column.header)
      const texts = rows.map((row) => read(column.value(row)))
      const natural = texts.reduce((most, text) => Math.max(most, DisplayWidth.cells(text)), DisplayWidth.cells(header))
      return { column, header, texts, natural }
    })
  const measured = limit === undefined ? all : staying(all, limit)
  const shown = measured.map(({ column }) => column)
  const natural = measured.map((each) => each.natural)
  const widths = limit === undefined ? natural : fit(shown, natural, limit - gap.length * (shown.length - 1))

  const lay = (texts: ReadonlyArray<string>, paint: (cell: string, column: Column<Row>) => string): string => {
    let line = ""
    let left = limit ?? Number.POSITIVE_INFINITY
    for (const [i, column] of shown.entries()) {
      if (left <= 0) break
      const cut = DisplayWidth.truncate(texts[i]!, Math.min(widths[i]!, left))
      const align = column.align ?? "left"
      const last = i === shown.length - 1
      const width = Math.min(widths[i]!, left)
      const space = " ".repeat(last && align === "left" ? 0 : Math.max(0, width - DisplayWidth.cells(cut)))
      const painted = paint(cut, column)
      line += (align === "left" ? painted + space : space + painted) + (last ? "" : gap)
      left -= width + gap.length
    }
    return line.trimEnd()
  }
  return [
    lay(
      measured.map(({ header }) => header),
      (cell) => options.style.bold(cell)
    ),
    ...rows.map((row, i) =>
      lay(
        measured.map(({ texts }) => texts[i]!),
        (cell, column) => column.style?.(cell, row, options.style) ?? cell
      )
    )
  ]
}

const minimumOf = <Row>({ minimum = 8 }: Column<Row>): number => Math.max(minimum, 1)

/** Columns that fit side by side at their minimum, as far as the others may leave. */
const staying = <Of extends { readonly column: Column<any>; readonly natural: number }>(
  measured: ReadonlyArray<Of>,
  limit: number
): ReadonlyArray<Of> => {
  let left = measured
  const least = () =>
    left.reduce(
      (sum, { column, natural }) =>
        sum + gap.length + (column.align === "right" ? natural : Math.min(natural, minimumOf(column))),
      -gap.length
    )
  while (least() > limit) {
    const leaving = left.filter(({ column }) => column.leaves !== undefined)
    if (leaving.length === 0) return left
    const first = leaving.reduce((a, b) => (b.column.leaves! < a.column.leaves! ? b : a))
    left = left.filter((each) => each !== first)
  }
  return left
}

/** Takes cells from the widest column that may be cut, one at a time, until all fit or all are at their minimum. */
const fit = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  natural: ReadonlyArray<number>,
  available: number
): ReadonlyArray<number> => {
  const widths = [...natural]
  let excess = widths.reduce((sum, width) => sum + width, 0) - available
  while (excess > 0) {
    let widest = -1
    for (const [i, column] of columns.entries()) {
      const minimum = minimumOf(column)
      if (column.align !== "right" && widths[i]! > minimum && (widest < 0 || widths[i]! > widths[widest]!)) widest = i
    }
    if (widest < 0) break
    widths[widest]!--
    excess--
  }
  return widths
}

/**
 * `name: value` lines with the values aligned, for one object: `job get`, `queue status`. Empty values are left out.
 */
export const fields = (
  pairs: ReadonlyArray<readonly [name: string, value: string]>,
  style: Style = plain
): ReadonlyArray<string> => {
  const present = pairs.filter(([, value]) => value !== "")
  const widest = present.reduce((most, [name]) => Math.max(most, DisplayWidth.cells(name)), 0)
  return present.map(([name, value]) => `${style.dim(DisplayWidth.pad(name, widest, "left"))}  ${Sanitize.line(value)}`)
}
