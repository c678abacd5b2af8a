/** A result as a table for people; the same rows as Markdown for the documentation. */
import { EnglishNumber } from "../services/Text/index.ts"
import * as HumanNumber from "../cli/terminal/HumanNumber.ts"
import type { Column } from "../cli/terminal/Table.ts"
import type { BenchResult, FigureResult } from "./BenchResult.ts"

const number = EnglishNumber.numberFormat({ maximumSignificantDigits: 3 })

const plain = (value: number): string => (Math.abs(value) >= 1000 ? EnglishNumber.grouped(value) : number(value))

const value = (figure: FigureResult): string =>
  `${plain(figure.median)}${figure.unit === "ratio" ? "" : ` ${figure.unit}`}`

const target = ({ target, unit }: FigureResult): string => {
  if (target === undefined) return ""
  const bound = target.atLeast === undefined ? `≤ ${plain(target.atMost!)}` : `≥ ${plain(target.atLeast)}`
  return target.of === "ratio" ? `${bound} ×` : `${bound} ${unit}`
}

/** Rounds lie on both sides of the target: the machine, not the queue, decided. */
const isUndecided = (figure: FigureResult): boolean => {
  const { target } = figure
  if (target === undefined) return false
  const { max, min } = target.of === "ratio" && figure.ratio !== undefined ? figure.ratio : figure
  const bound = target.atLeast ?? target.atMost!
  return min < bound && max > bound
}

const verdict = (figure: FigureResult): string => {
  const { target } = figure
  if (target === undefined) return ""
  const by = HumanNumber.percent(Math.abs(target.margin))
  return `${target.met ? `met by ${by}` : `MISSED by ${by}`}${isUndecided(figure) ? ", undecided" : ""}`
}

export const columns: ReadonlyArray<Column<FigureResult>> = [
  { header: "figure", value: ({ label }) => label, minimum: 24 },
  { header: "median", value, align: "right" },
  { header: "min..max", value: ({ max, min }) => `${plain(min)}..${plain(max)}`, align: "right" },
  { header: "quartiles", value: ({ q1, q3 }) => `${plain(q1)}..${plain(q3)}`, align: "right" },
  {
    header: "ratio",
    value: ({ ratio }) => (ratio === undefined ? "" : `${number(ratio.median)} ×`),
    align: "right"
  },
  { header: "target", value: target, align: "right" },
  {
    header: "",
    value: verdict,
    style: (cell, { target }, style) => (target === undefined ? cell : target.met ? style.good(cell) : style.bad(cell))
  }
]

export const heading = ({ load, machine, quick, rounds, seconds, startedAt }: BenchResult): ReadonlyArray<string> => [
  `${machine.cpu}, ${machine.cores} cores, ${HumanNumber.bytes(machine.memoryBytes, "binary")}, ${machine.system}, stores on ${machine.fileSystem}`,
  `Sluice ${machine.sluice}${machine.commit === undefined ? "" : ` (${machine.commit}${machine.dirty === true ? ", changed" : ""})`}, Node ${machine.node}, SQLite ${machine.sqlite}, Effect ${machine.effect}`,
  `${startedAt}, ${rounds} ${rounds === 1 ? "round" : "rounds"}${quick ? ", quick" : ""}, ${seconds} s, load average ${load.map((at) => at.toFixed(1)).join(" ")}`
]

/** Node prints a source line and a caret before the error itself. */
const firstLineOfError = (message: string): string => {
  const lines = message.split("\n")
  return lines.find((line) => /^\w*Error\b/.test(line)) ?? lines[0]!
}

/** What a reader must know before any figure. */
export const warnings = (result: BenchResult): ReadonlyArray<string> => [
  ...(result.machine.fileSystem === "tmpfs"
    ? ["The stores lay in memory (tmpfs): their durability cost nothing, and their figures say nothing about a disk."]
    : []),
  ...(Math.max(...result.load) > result.machine.cores
    ? ["The machine was busy with other work: trust ratios, not absolute figures."]
    : []),
  ...result.failures.map(
    ({ message, round, variant }) => `Does not count: ${variant}, round ${round + 1}: ${firstLineOfError(message)}`
  )
]

export const summaryLine = ({ failures, figures }: BenchResult): string => {
  const judged = figures.filter(({ target }) => target !== undefined)
  const met = judged.filter(({ target }) => target!.met).length
  const undecided = judged.filter(isUndecided).length
  const note = undecided === 0 ? "" : `, ${undecided} of all undecided: their rounds lie on both sides of the target`
  const targets = judged.length === 0 ? "no targets here" : `${met} of ${judged.length} targets met${note}`
  return failures.length === 0 ? targets : `${targets}, ${failures.length} measurements do not count`
}

/** The rows to show. */
export const shown = ({ figures }: BenchResult, all: boolean): ReadonlyArray<FigureResult> =>
  all ? figures : figures.filter(({ detail }) => !detail)

export const markdown = (figures: ReadonlyArray<FigureResult>): ReadonlyArray<string> => {
  const row = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
  return [
    row(columns.map(({ header }) => header)),
    row(columns.map(({ align }) => (align === "right" ? "---:" : "---"))),
    ...figures.map((figure) => row(columns.map((column) => column.value(figure))))
  ]
}
