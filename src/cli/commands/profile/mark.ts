import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { fail } from "../../Failure.ts"
import { output } from "../../Output.ts"
import { onFiles, profiles } from "../../profile/Profiles.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"

const longest = 200

export const mark = Command.make(
  "mark",
  {
    words: Argument.String("text").pipe(
      Argument.withDescription("what happened, like: deploy 1.4.2"),
      Argument.variadic()
    )
  },
  Effect.fnUntraced(function* ({ words }) {
    const out = yield* output
    const text = words.join(" ").trim()
    if (text === "" || text.length > longest)
      return yield* fail(
        "usage",
        `a mark has 1 to ${longest} characters; write it like: sluice profile mark deploy 1.4.2`
      )
    const files = yield* profiles
    const at = yield* Clock.currentTimeMillis
    yield* onFiles("the mark cannot be written", () => files.mark({ at, text }))
    yield* out.note(`sluice: marked ${Sanitize.line(text)}; sluice profile ls shows it among the profiles`)
  })
).pipe(
  Command.withDescription("Notes a moment, such as a deploy, so that profiles before and after it can be told apart."),
  Command.withExamples([{ command: "sluice profile mark deploy $(git rev-parse --short HEAD)" }])
)
