/** `sluice add --from`: a command per line, or a template filled in with each line. */
import * as Effect from "effect/Effect"
import { createReadStream } from "node:fs"
import path from "node:path"
import { commandWords, readAll } from "./Caller.ts"
import { type CommandFailure, fail } from "./Failure.ts"
import * as ByteText from "./input/ByteText.ts"
import * as CommandTemplate from "./input/CommandTemplate.ts"
import { Invocation } from "./Invocation.ts"
import * as MapTemplate from "./map/MapTemplate.ts"

/** A file of commands is read whole, since its jobs are stored whole or not at all. In bytes. */
const mostBytes = 64 * 1024 * 1024

export type Words = readonly [string, ...Array<string>]

const linesOf = (file: string) =>
  Effect.gen(function* () {
    const { cwd, stdin } = yield* Invocation
    const stream = file === "-" ? stdin : createReadStream(path.resolve(cwd, file))
    const bytes = yield* readAll(stream, mostBytes).pipe(
      Effect.mapError((error) =>
        error._tag === "CommandFailure"
          ? error
          : fail(
              "notFound",
              `${file} cannot be read: ${(error as Error).message}; name a file of lines, or - for standard input`
            )
      )
    )
    return ByteText.decode(bytes)
      .split("\n")
      .map((line) => line.replace(/\r$/, ""))
      .map((text, i) => ({ number: i + 1, text }))
      .filter(({ text }) => text.trim() !== "")
  })

const atLine =
  (file: string, number: number) =>
  (error: Error): CommandFailure =>
    fail("usage", `${file} line ${number}: ${error.message}`)

/**
 * The commands that `file` (`-`: standard input) and the words of the command line make, in the order of the lines;
 * blank lines make none.
 */
export const read = (file: string, words: ReadonlyArray<string>, shell: boolean) =>
  Effect.gen(function* () {
    const template =
      words.length === 0
        ? undefined
        : yield* Effect.fromResult(MapTemplate.read(words, { shell, names: false }, { haveFields: false, perJob: 1 }))
    const lines = yield* linesOf(file)
    return yield* Effect.forEach(lines, ({ number, text }, i) =>
      template === undefined
        ? commandWords([text], { shell, usage: "sluice add --from commands.txt" }).pipe(
            Effect.mapError(atLine(file, number))
          )
        : Effect.fromResult(
            CommandTemplate.render(template, { inputs: [text], sequence: i + 1, total: lines.length })
          ).pipe(
            Effect.map(([first, ...rest]): Words => [first!, ...rest]),
            Effect.mapError(atLine(file, number))
          )
    )
  })
