/** A JSON payload from the command line: the text itself, `@FILE`, or `-` for standard input. */
import * as Effect from "effect/Effect"
import { readFileSync, statSync } from "node:fs"
import path from "node:path"
import { readAll } from "./Caller.ts"
import { type CommandFailure, fail } from "./Failure.ts"
import { Invocation } from "./Invocation.ts"

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** Without the byte order mark that editors put before it. */
const textOf = (name: string, bytes: Uint8Array): Effect.Effect<string, CommandFailure> =>
  Effect.try({
    try: () => utf8.decode(bytes),
    catch: () => fail("usage", `${name} is not UTF-8; a payload is JSON in UTF-8`)
  })

/** A number that would be another one in the payload is refused: an id of 19 digits, say. */
const exact = (_key: string, value: unknown, context?: { readonly source?: string }): unknown => {
  if (typeof value !== "number" || context?.source === undefined) return value
  if (
    !Number.isFinite(value) ||
    (Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source))
  )
    throw new SyntaxError(`the number ${context.source} is not exact in JSON's double precision; write it as text`)
  return value
}

/** Parsed; refused before it is read when it is larger than `mostBytes`. */
export const readPayload = (text: string, mostBytes: number): Effect.Effect<unknown, CommandFailure, Invocation> =>
  Effect.gen(function* () {
    const { cwd, stdin } = yield* Invocation
    const source =
      text === "-"
        ? yield* textOf("standard input", yield* readAll(stdin, mostBytes))
        : text.startsWith("@")
          ? yield* Effect.flatMap(
              Effect.try({
                try: () => {
                  const file = path.resolve(cwd, text.slice(1))
                  const { size } = statSync(file)
                  if (size > mostBytes)
                    throw fail(
                      "usage",
                      `${file} has ${size} bytes; a payload has at most ${mostBytes}. Put the file's name into the payload instead`
                    )
                  return readFileSync(file)
                },
                catch: (error) =>
                  error instanceof Error && "code" in error
                    ? fail("notFound", `the payload's file cannot be read: ${error.message}`)
                    : (error as CommandFailure)
              }),
              (bytes) => textOf(path.resolve(cwd, text.slice(1)), bytes)
            )
          : text
    return yield* Effect.try({
      try: () => JSON.parse(source, exact) as unknown,
      catch: (error) =>
        fail(
          "usage",
          `the payload is not JSON: ${(error as Error).message}; write it like '{"file": "a.png"}', @FILE or - for standard input`
        )
    })
  })
