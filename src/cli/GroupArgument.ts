/** The name of a resource group on the command line. */
import * as Argument from "effect/cli/Argument"
import { InvalidValue } from "effect/cli/CliError"
import * as Effect from "effect/Effect"
import { ResourceGroup, TaskQueue } from "../services/Queue/index.ts"
import { fail } from "./Failure.ts"
import { didYouMean } from "./input/Suggestion.ts"

export const groupArgument = Argument.String("group").pipe(
  Argument.withDescription("a resource group"),
  Argument.mapEffect((text) =>
    ResourceGroup.namePattern.test(text)
      ? Effect.succeed(text)
      : Effect.fail(
          new InvalidValue({
            option: "group",
            value: text,
            expected: "letters, digits and . _ - : /, at most 100",
            kind: "argument"
          })
        )
  )
)

/** Fails with `notFound` when no job or worker ever named the group. */
export const existing = (name: string) =>
  Effect.gen(function* () {
    const { groups } = yield* TaskQueue.use((queue) => queue.stats)
    const names = [...ResourceGroup.defaults, ...groups].map((group) => group.name)
    if (!names.includes(name))
      return yield* fail(
        "notFound",
        `no group ${JSON.stringify(name)}; known are ${[...new Set(names)].sort().join(", ")}.${didYouMean(name, names)}`
      )
  })
