/** A JSON payload from the command line: the text itself, `@FILE`, or `-` for standard input. */
import * as Effect from "effect/Effect"
import { readFileSync, statSync } from "node:fs"
import path from "node:path"
import { readAll } from "./Caller.ts"
import { type CommandFailure, fail } from "./Failure.ts"
import { Invocation } from "./Invocation.ts"

/** Parsed; refused before it is read when it is larger than `mostBytes`. */
export const readPayload = (text: string, mostBytes: number): Effect.Effect<unknown, CommandFailure, Invocation> =>
  Effect.gen(function* () {
    const { cwd, stdin } = yield* Invocation
    const source =
      text === "-"
        ? (yield* readAll(stdin, mostBytes)).toString("utf8")
        : text.startsWith("@")
          ? yield* Effect.try({
              try: () => {
                const file = path.resolve(cwd, text.slice(1))
                const { size } = statSync(file)
                if (size > mostBytes)
                  throw fail(
                    "usage",
                    `${file} has ${size} bytes; a payload has at most ${mostBytes}. Put the file's name into the payload instead`
                  )
                return readFileSync(file, "utf8")
              },
              catch: (error) =>
                error instanceof Error && "code" in error
                  ? fail("notFound", `the payload's file cannot be read: ${error.message}`)
                  : (error as CommandFailure)
            })
          : text
    return yield* Effect.try({
      try: () => JSON.parse(source) as unknown,
      catch: (error) =>
        fail(
          "usage",
          `the payload is not JSON: ${(error as Error).message}; write it like '{"file": "a.png"}', @FILE or - for standard input`
        )
    })
  })
