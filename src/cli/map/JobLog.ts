/** `--joblog FILE`, in the columns of GNU parallel, so that what reads its logs reads ours. Lines are in the order of their ends. */
import { appendFileSync, existsSync, writeFileSync } from "node:fs"
import { shellQuote } from "../input/CommandTemplate.ts"

export interface JobLogLine {
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly durationMs: number
  /** Bytes of standard output. */
  readonly received: number
  /** -1 when the command did not end by itself. */
  readonly exitCode: number
  readonly signal: number
  readonly command: ReadonlyArray<string>
}

const plain = /^[A-Za-z0-9_@%+=:,./-]+$/

/** A command as a shell would take it, on one line; tabs and newlines inside arguments are escaped, to keep one job on one line. */
export const commandText = (words: ReadonlyArray<string>): string =>
  words
    .map((word) => (plain.test(word) ? word : shellQuote(word)))
    .join(" ")
    .replaceAll("\t", "\\t")
    .replaceAll("\n", "\\n")

const header = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"

/** Begins the file anew, unless `goOn` and it is there. Throws the system's error. */
export const open = (file: string, goOn: boolean): ((line: JobLogLine) => void) => {
  if (!goOn || !existsSync(file)) writeFileSync(file, header)
  return ({ command, durationMs, exitCode, received, sequence, signal, startedAt }) =>
    appendFileSync(
      file,
      `${sequence}\t:\t${(startedAt / 1000).toFixed(3)}\t${(durationMs / 1000).toFixed(3).padStart(10)}\t0\t${received}\t${exitCode}\t${signal}\t${commandText(command)}\n`
    )
}
