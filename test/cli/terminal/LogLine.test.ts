import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Logger } from "effect"
import * as LogLine from "../../../src/cli/terminal/LogLine.ts"
import * as Screen from "../../../src/cli/terminal/Screen.ts"
import { hostileTexts, longTexts, rawCharacterIn } from "../../support/hostile/HostileText.ts"

const texts = [...hostileTexts("/tmp/never"), ...longTexts]

/** What a screen is sent while `effect` runs. */
const logged = (effect: Effect.Effect<unknown>) =>
  Effect.suspend(() => {
    const sent: Array<string | Uint8Array> = []
    const screen = Screen.make({
      isTerminal: true,
      columns: () => 80,
      rows: () => 24,
      send: (output) => Effect.sync(() => sent.push(output) > 0)
    })
    return Effect.exit(Effect.provide(effect, Logger.layer([LogLine.logger(screen)]))).pipe(
      Effect.map(() => sent.join(""))
    )
  })

const isOneLine = (output: string): void => {
  assert.match(output, /^\d{4}-\d\d-\d\dT[\d:.]+Z (?:WARN|ERROR|INFO) [^\n]*\n$/)
  assert.isUndefined(rawCharacterIn(output, true))
}

describe("LogLine", () => {
  it.effect("is one line per event, whatever is in the message, its annotations and its cause", () =>
    Effect.gen(function* () {
      for (const text of texts) {
        for (const effect of [
          Effect.logWarning(text),
          Effect.logWarning("said", text, { [text]: [text] }),
          Effect.logInfo("said").pipe(Effect.annotateLogs({ [text]: text, nested: { [text]: text } })),
          Effect.logInfo("said").pipe(Effect.withLogSpan(text)),
          Effect.logError("failed", Cause.fail(new Error(text))),
          Effect.logError(Cause.die(text)),
          Effect.logError("failed", Cause.fail({ _tag: text, message: text, reason: { message: text } })),
          Effect.logInfo(new Error(text), Symbol(text), 1n, undefined, null)
        ])
          isOneLine(yield* logged(effect))
      }
    })
  )

  it.effect("says level, message, structured parts, annotations and why", () =>
    Effect.gen(function* () {
      const line = yield* logged(
        Effect.logWarning("The store did not answer", { tries: 3 }, Cause.fail(new Error("it is locked"))).pipe(
          Effect.annotateLogs("worker", "host-1")
        )
      )
      assert.match(line, / WARN The store did not answer \{"tries":3\} worker="host-1": it is locked\n$/)
    })
  )

  it.effect("goes on when a part cannot be written as JSON", () =>
    Effect.gen(function* () {
      const circle: Record<string, unknown> = {}
      circle.self = circle
      const thrower = {
        toJSON: () => {
          throw new Error("no")
        }
      }
      for (const part of [circle, thrower, () => 1, Number.NaN]) isOneLine(yield* logged(Effect.logInfo("said", part)))
    })
  )
})
