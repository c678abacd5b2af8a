import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { TaskQueue } from "../../../services/Queue/index.ts"
import { existing, groupArgument } from "../../GroupArgument.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"

const make = <const Name extends string>(
  name: Name,
  done: string,
  description: string,
  examples: ReadonlyArray<Command.Command.Example>
) =>
  Command.make(
    name,
    { group: groupArgument.pipe(Argument.optional) },
    Effect.fnUntraced(function* ({ group }) {
      const out = yield* output
      if (Option.isSome(group)) yield* existing(group.value)
      yield* TaskQueue.use((queue) => (name === "pause" ? queue.pause : queue.resume)(Option.getOrUndefined(group)))
      yield* out.note(`${Option.isSome(group) ? `group ${group.value}` : "the queue"} ${done}`)
    }, looking)
  ).pipe(Command.withDescription(description), Command.withExamples(examples))

export const pause = make(
  "pause",
  "is paused; what runs goes on",
  "Starts no more jobs of a group, or of the whole queue; what runs goes on.",
  [{ command: "sluice queue pause", description: "everything" }, { command: "sluice queue pause network" }]
)
export const resume = make("resume", "goes on", "Ends a pause.", [
  { command: "sluice queue resume" },
  { command: "sluice queue resume network" }
])
