/** The name of a resource group on the command line. */
import * as Argument from "effect/cli/Argument"
import { InvalidValue } from "effect/cli/CliError"
import * as Effect from "effect/Effect"
import { ResourceGroup, TaskQueue } from "../services/Queue/index.ts"
import { fail } from "./Failure.ts"
import { hint } from "./Hint.ts"
import { didYouMean } from "./input/Suggestion.ts"
import { output } from "./Output.ts"

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

const knownNames = Effect.map(
  TaskQueue.use((queue) => queue.stats),
  ({ groups }) => [...ResourceGroup.defaults, ...groups].map((group) => group.name)
)

/** Tells of a group that its first job is about to make, which may be a slip of the fingers. */
export const sayNew = (name: string) =>
  Effect.gen(function* () {
    const isDefault = ResourceGroup.defaults.some((group) => group.name === name)
    if (isDefault || !ResourceGroup.namePattern.test(name)) return
    const names = yield* knownNames
    if (names.includes(name)) return
    const out = yield* output
    const more = yield* hint(`sluice queue limit ${name} N`)
    yield* out.note(
      `sluice: group ${name} is new, ${ResourceGroup.undeclaredLimit} of its jobs run at a time (another number: ${more}).${didYouMean(name, names)}`
    )
  })

/** Fails with `notFound` when no job or worker ever named the group. */
export const existing = (name: string) =>
  Effect.gen(function* () {
    const names = yield* knownNames
    if (!names.includes(name))
      return yield* fail(
        "notFound",
        `no group ${JSON.stringify(name)}; known are ${[...new Set(names)].sort().join(", ")}.${didYouMean(name, names)}`
      )
  })
