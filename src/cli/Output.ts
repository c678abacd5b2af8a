/**
 * What a command says: data on stdout, everything else on stderr. Lines are made safe to show here, whatever stands in
 * them.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as GlobalFlags from "./GlobalFlags.ts"
import { Invocation } from "./Invocation.ts"
import * as Sanitize from "./terminal/Sanitize.ts"
import type { Screen } from "./terminal/Screen.ts"
import * as Style from "./terminal/Style.ts"
import * as Table from "./terminal/Table.ts"

export interface Output {
  readonly stdout: Screen
  readonly stderr: Screen
  readonly quiet: boolean
  /** For stdout and for stderr: each may or may not be a terminal. */
  readonly style: Style.Style
  readonly noteStyle: Style.Style
  /** Whether stderr may carry a live display. */
  readonly lively: boolean
  /** Lines of data; a line end within one is shown as an escape. */
  readonly lines: (lines: ReadonlyArray<string>) => Effect.Effect<void>
  readonly line: (line: string) => Effect.Effect<void>
  /** A line on stderr for a person; nothing with `--quiet`. */
  readonly note: (line: string) => Effect.Effect<void>
  readonly table: <Row>(
    columns: ReadonlyArray<Table.Column<Row>>,
    rows: ReadonlyArray<Row>,
    options?: { readonly wide?: boolean }
  ) => Effect.Effect<void>
  /** One line of JSON in the documented shape. */
  readonly json: <A, I>(schema: Schema.Codec<A, I>, value: A) => Effect.Effect<void>
}

const linesText = (lines: ReadonlyArray<string>): string => lines.map((line) => `${Sanitize.line(line)}\n`).join("")

/** The output of this invocation, as its flags want it. */
export const output = Effect.gen(function* () {
  const { env, stderr, stdout } = yield* Invocation
  const quiet = yield* GlobalFlags.Quiet
  const noColor = yield* GlobalFlags.Colour
  const surroundings = { environment: env, noColor }
  const lively = Style.isLively({ ...surroundings, isTerminal: stderr.isTerminal })
  const style = Style.isLively({ ...surroundings, isTerminal: stdout.isTerminal }) ? Style.coloured : Style.plain
  const self: Output = {
    stdout,
    stderr,
    quiet,
    style,
    noteStyle: lively ? Style.coloured : Style.plain,
    lively,
    lines: (lines) => stdout.write(linesText(lines)),
    line: (line) => stdout.write(linesText([line])),
    note: (line) => (quiet ? Effect.void : stderr.write(linesText([line]))),
    table: (columns, rows, options) =>
      stdout.write(
        linesText(
          Table.render(columns, rows, {
            width: stdout.isTerminal ? stdout.columns() : undefined,
            wide: options?.wide ?? false,
            style
          })
        )
      ),
    json: (schema, value) =>
      Effect.flatMap(Effect.orDie(Schema.encodeEffect(schema)(value)), (encoded) =>
        stdout.write(`${Sanitize.json(JSON.stringify(encoded))}\n`)
      )
  }
  return self
})
