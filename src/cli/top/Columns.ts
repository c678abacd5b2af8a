/** Rows of a pane in columns that fit: what matters least goes first, the last column takes what is left. */
import * as DisplayWidth from "../terminal/DisplayWidth.ts"
import { type Line, type Piece, piece, type Tone } from "../terminal/Frame.ts"
import * as Sanitize from "../terminal/Sanitize.ts"

export interface Column<Row> {
  readonly header: string
  /** As it rests: made safe here. */
  readonly text: (row: Row) => string
  readonly tone?: (row: Row) => Tone
  readonly align?: "left" | "right"
  /** Cells beyond which it is cut; default: as long as it is. */
  readonly most?: number
  /** 0: stays whatever happens; of the others the highest goes first. */
  readonly rank: number
}

export interface LastColumn<Row> {
  readonly header: string
  readonly pieces: (row: Row, width: number) => ReadonlyArray<Piece>
  /** Cells for which other columns give way. */
  readonly least: number
}

export interface Table<Row> {
  readonly columns: ReadonlyArray<Column<Row>>
  readonly last?: LastColumn<Row>
}

const gap = "  "
/** The row that keys act on is marked, for terminals without colours too. */
const mark = "▸ "

/** A header and a line for each row; `chosen`: the marked row, -1 for none. */
export const laid = <Row>(
  { columns, last }: Table<Row>,
  rows: ReadonlyArray<Row>,
  options: { readonly width: number; readonly chosen: number }
): { readonly header: Line; readonly lines: ReadonlyArray<Line> } => {
  const room = options.width - mark.length
  const texts = columns.map(({ header, most = room, text }) => {
    const cells = rows.map((row) => Sanitize.fitted(text(row), most))
    const widest = cells.reduce((sum, cell) => Math.max(sum, DisplayWidth.cells(cell)), header.length)
    return { cells, width: widest }
  })
  const kept = new Set(columns.keys())
  const taken = () => [...kept].reduce((sum, i) => sum + texts[i]!.width + gap.length, 0)
  while (taken() + (last?.least ?? -gap.length) > room) {
    const droppable = [...kept].filter((i) => columns[i]!.rank > 0)
    if (droppable.length === 0) break
    kept.delete(droppable.reduce((worst, i) => (columns[i]!.rank > columns[worst]!.rank ? i : worst)))
  }
  const left = Math.max(0, room - taken())
  const lineOf = (lead: string, cell: (i: number) => Piece, end: ReadonlyArray<Piece>, chosen: boolean): Line => ({
    pieces: [
      piece(lead),
      ...[...kept].flatMap((i) => {
        const { text, tone } = cell(i)
        const { align = "left" } = columns[i]!
        return [piece(DisplayWidth.pad(text, texts[i]!.width, align), tone), piece(gap)]
      }),
      ...end
    ],
    chosen
  })
  return {
    header: lineOf(
      "  ",
      (i) => piece(columns[i]!.header, "dim"),
      last === undefined ? [] : [piece(last.header, "dim")],
      false
    ),
    lines: rows.map((row, at) =>
      lineOf(
        at === options.chosen ? mark : "  ",
        (i) => piece(texts[i]!.cells[at]!, columns[i]!.tone?.(row) ?? "plain"),
        last === undefined ? [] : last.pieces(row, left),
        at === options.chosen
      )
    )
  }
}
