/**
 * `--joblog FILE`, in the columns of GNU parallel, so that what reads its logs reads ours. Lines are in the order of
 * their ends.
 */
import { appendFileSync, existsSync, writeFileSync } from "node:fs"
import { shownProgram } from "../../api/ShownProgram.ts"
import { shellWord } from "../../services/Text/index.ts"

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

/**
 * A command as a shell would take it, on one line; of one that a shell runs (`sh -c PROGRAM`) the program, with the
 * inputs in their places. Tabs and newlines are escaped, to keep one job on one line.
 */
export const commandText = (words: ReadonlyArray<string>, shell: boolean): string =>
  (shell ? shownProgram(words.at(-1) ?? "") : words.map(shellWord).join(" "))
    .replaceAll("\t", "\\t")
    .replaceAll("\n", "\\n")

const header = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"

/**
 * Begins the file anew, unless `goOn` and it is there. `shell`: a shell runs the commands. Throws the system's error.
 */
export const open = (file: string, goOn: boolean, shell: boolean): ((line: JobLogLine) => void) => {
  if (!goOn || !existsSync(file)) writeFileSync(file, header)
  return ({ command, durationMs, exitCode, received, sequence, signal, startedAt }) =>
    appendFileSync(
      file,
      `${sequence}\t:\t${(startedAt / 1000).toFixed(3)}\t${(durationMs / 1000).toFixed(3).padStart(10)}\t0\t${received}\t${exitCode}\t${signal}\t${commandText(command, shell)}\n`
    )
}
