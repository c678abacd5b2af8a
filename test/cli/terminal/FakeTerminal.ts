import { Effect } from "effect"
import * as Screen from "../../../src/cli/terminal/Screen.ts"

/**
 * As much of a terminal as the command line uses: text, newline, cursor up to the start of a line, erase to the end of
 * line and of screen, colours ignored. `stdout` and `stderr` share it, as they do in life. Anything else it is sent is
 * an error.
 */
export const makeFakeTerminal = (size: { columns: number; rows: number } = { columns: 80, rows: 24 }) => {
  let lines: Array<string> = [""]
  let row = 0
  let column = 0
  const writes: Array<{ readonly stream: "stdout" | "stderr"; readonly text: string }> = []

  const put = (text: string) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is the receiving end of control sequences
    for (const [token] of text.matchAll(/\x1b\[\d*[A-Za-z]|[^\x1b]/gu)) {
      if (token === "\n") {
        row++
        column = 0
        while (lines.length <= row) lines.push("")
      } else if (token.startsWith("\x1b[") && token.endsWith("F")) {
        row = Math.max(0, row - Number(token.slice(2, -1)))
        column = 0
      } else if (token === "\x1b[0K") lines[row] = lines[row]!.slice(0, column)
      else if (token === "\x1b[0J") {
        lines[row] = lines[row]!.slice(0, column)
        lines = lines.slice(0, row + 1)
      } else if (token.startsWith("\x1b")) {
        if (!token.endsWith("m")) throw new Error(`unexpected control sequence ${JSON.stringify(token)}`)
      } else {
        lines[row] = lines[row]!.slice(0, column).padEnd(column) + token + lines[row]!.slice(column + 1)
        column++
      }
    }
  }
  const screen = (stream: "stdout" | "stderr", isTerminal: boolean): Screen.Screen =>
    Screen.make({
      isTerminal,
      columns: () => size.columns,
      rows: () => size.rows,
      send: (output) =>
        Effect.sync(() => {
          const text = typeof output === "string" ? output : Buffer.from(output).toString("latin1")
          writes.push({ stream, text })
          if (isTerminal) put(text)
          return true
        })
    })
  return {
    size,
    writes,
    stdout: screen("stdout", true),
    stderr: screen("stderr", true),
    /** A stream that was redirected: what it gets is in `writes` only. */
    redirected: (stream: "stdout" | "stderr") => screen(stream, false),
    shown: (): ReadonlyArray<string> => lines.map((line) => line.trimEnd())
  }
}
