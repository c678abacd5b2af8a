import * as DisplayWidth from "./DisplayWidth.ts"
import * as HumanNumber from "./HumanNumber.ts"
import type { GroupFigures } from "./ProgressTally.ts"
import * as Sanitize from "./Sanitize.ts"
import type { Style } from "./Style.ts"

/** Cells of the bar: enough to see it move, short enough to leave the figures together. */
const longestBar = 30
const shortestBar = 5

/** Cells of a group's name before it is cut. */
const longestName = 24

const share = (figures: GroupFigures): number => (figures.expected === 0 ? 0 : figures.done / figures.expected)

const eta = (figures: GroupFigures): string =>
  figures.expected > 0 && figures.done >= figures.expected
    ? "done"
    : `ETA ${HumanNumber.duration(Math.ceil((figures.etaMillis ?? Number.NaN) / 1000) * 1000)}`

const texts = (figures: GroupFigures): ReadonlyArray<string> => [
  HumanNumber.percent(share(figures)),
  `${HumanNumber.count(figures.done)}/${HumanNumber.count(figures.expected)}`,
  HumanNumber.rate(figures.ratePerSecond ?? Number.NaN),
  `p95 ${HumanNumber.duration(figures.p95Millis ?? Number.NaN)}`,
  eta(figures)
]

/** Which of the `texts` stay as the terminal gets narrower: first the p95 goes, then the rate. */
const choices: ReadonlyArray<ReadonlyArray<number>> = [
  [0, 1, 2, 3, 4],
  [0, 1, 2, 4],
  [0, 1, 4]
]

const failures = (figures: GroupFigures): string =>
  figures.failed === 0 ? "" : `${HumanNumber.count(figures.failed)} failed`

const bar = (filled: number, width: number): string => {
  const full = Math.floor(filled * width + 1e-9)
  return "█".repeat(full) + "░".repeat(width - full)
}

/**
 * The live display: one line per group, figures aligned from line to line, for a terminal of `columns` by `rows`. No
 * line reaches the last column, where terminals disagree on wrapping, and no more lines than leave room for the cursor.
 * Where it gets narrow the bar gives way first, then p95, then the rate; then lines are cut. Without groups there are
 * no lines.
 */
export const bars = (
  groups: ReadonlyArray<GroupFigures>,
  terminal: { readonly columns: number; readonly rows: number },
  style: Style
): ReadonlyArray<string> => {
  const room = Math.max(1, terminal.rows - 1)
  const shown = groups.length > room ? groups.slice(0, room - 1) : groups
  const width = Math.max(1, terminal.columns - 1)
  const all = shown.map(texts)
  const widest = (column: number) => all.reduce((most, row) => Math.max(most, DisplayWidth.cells(row[column]!)), 0)
  const names = shown.map(({ group }) => DisplayWidth.truncate(Sanitize.line(group), longestName))
  const nameWidth = names.reduce((widest, name) => Math.max(widest, DisplayWidth.cells(name)), 0)
  const failed = shown.map(failures)
  const failedWidth = failed.reduce((widest, text) => Math.max(widest, text === "" ? 0 : text.length + 2), 0)
  const roomBeside = (columns: ReadonlyArray<number>) =>
    width - nameWidth - failedWidth - columns.reduce((sum, column) => sum + 2 + widest(column), 0)
  const columns = choices.find((choice) => roomBeside(choice) >= 0) ?? choices.at(-1)!
  const barRoom = roomBeside(columns) - 2
  const barWidth = barRoom < shortestBar ? 0 : Math.min(longestBar, barRoom)

  const lines = shown.map((figures, row) => {
    const name = DisplayWidth.pad(names[row]!, nameWidth, "left")
    const drawn = barWidth === 0 ? "" : `${bar(share(figures), barWidth)}  `
    const figuresText = columns
      .map((column) => DisplayWidth.pad(all[row]![column]!, widest(column), "right"))
      .join("  ")
    const plainLine = `${name}  ${drawn}${figuresText}${failed[row] === "" ? "" : `  ${failed[row]}`}`
    return DisplayWidth.cells(plainLine) > width
      ? DisplayWidth.truncate(plainLine, width)
      : `${style.bold(name)}  ${drawn}${figuresText}${failed[row] === "" ? "" : `  ${style.bad(failed[row]!)}`}`
  })
  const more = groups.length - shown.length
  return more === 0 ? lines : [...lines, DisplayWidth.truncate(`… and ${HumanNumber.count(more)} more groups`, width)]
}

/** The same for a log file: one line for one group, complete in itself. */
export const report = (figures: GroupFigures): string => {
  const failed = failures(figures)
  return `${Sanitize.line(figures.group)}: ${[...texts(figures), ...(failed === "" ? [] : [failed])].join(", ")}`
}
