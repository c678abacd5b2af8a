/** What is told of a finished job, to a command by its environment and to a desktop in two lines. */
import { SafeText } from "../../services/Text/index.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"

export interface Notice {
  /** Undefined of a map as a whole. */
  readonly id: string | undefined
  readonly state: "completed" | "failed" | "cancelled"
  /** Undefined: it has none, as a task of a program or a command that never ran. */
  readonly exitCode: number | undefined
  readonly task: string
  readonly group: string
  /** The command, or the payload. */
  readonly what: string
  readonly durationMs: number
  /** Why it failed; empty for a completed one. */
  readonly error: string
}

/** A job's header with the notifier that it was added with. */
export const notifyHeader = "sluice-notify"

/** In an environment, in characters: one variable of Linux has at most 128 KiB. */
const longestValue = 4096
/** What a desktop shows of a command, in characters. */
const longestShown = 200

/** NUL ends a variable for every program. */
const value = (text: string): string => text.slice(0, longestValue).toWellFormed().replaceAll("\0", "\\0")

export const environmentOf = (notice: Notice): Readonly<Record<string, string>> => ({
  SLUICE_JOB_ID: notice.id ?? "",
  SLUICE_JOB_STATE: notice.state,
  SLUICE_JOB_EXIT_CODE: notice.exitCode === undefined ? "" : String(notice.exitCode),
  SLUICE_JOB_TASK: value(notice.task),
  SLUICE_JOB_GROUP: notice.group,
  SLUICE_JOB_COMMAND: value(notice.what),
  SLUICE_JOB_SECONDS: (notice.durationMs / 1000).toFixed(3),
  SLUICE_JOB_ERROR: value(notice.error)
})

/** The first words of `text` as a desktop may show them: some take `<b>` and `&amp;` for markup. */
const shown = (text: string): string =>
  SafeText.line(text.slice(0, longestShown)).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const ends = ({ exitCode, state }: Notice): string =>
  state === "failed" && exitCode !== undefined ? `failed with exit code ${exitCode}` : state

export const linesOf = (notice: Notice): readonly [title: string, text: string] => [
  `sluice: ${ends(notice)} after ${HumanNumber.duration(notice.durationMs)}`,
  shown(notice.what)
]
