import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { TaskQueue } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { existing, groupArgument } from "../../GroupArgument.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"

const make = <const Name extends "pause" | "resume">(
  name: Name,
  done: string,
  description: string,
  examples: ReadonlyArray<Command.Command.Example>
) =>
  Command.make(
    name,
    {
      key: Flag.String("key").pipe(
        Flag.withMetavar("KEY"),
        Flag.withDescription("only the jobs of this partition key of the group"),
        Flag.optional
      ),
      group: groupArgument.pipe(Argument.optional)
    },
    Effect.fnUntraced(function* ({ group, key }) {
      const out = yield* output
      if (Option.isSome(group)) yield* existing(group.value)
      if (Option.isSome(key)) {
        if (Option.isNone(group))
          return yield* fail("usage", `--key is one of a group; name it: sluice queue ${name} GROUP --key KEY`)
        const { turnKey } = yield* Effect.promise(() => import("../../limit/TurnKey.ts"))
        yield* turnKey(name, group.value, key.value)
        return yield* out.note(`key ${JSON.stringify(key.value)} of group ${group.value} ${done}`)
      }
      yield* TaskQueue.use((queue) => queue[name](Option.getOrUndefined(group)))
      yield* out.note(`${Option.isSome(group) ? `group ${group.value}` : "the queue"} ${done}`)
    }, looking)
  ).pipe(Command.withDescription(description), Command.withExamples(examples))

export const pause = make(
  "pause",
  "is paused; what runs goes on",
  "Starts no more jobs of a group, of one key of it, or of the whole queue; what runs goes on.",
  [
    { command: "sluice queue pause", description: "everything" },
    { command: "sluice queue pause network" },
    { command: "sluice queue pause network --key acme" }
  ]
)
export const resume = make("resume", "goes on", "Ends a pause.", [
  { command: "sluice queue resume" },
  { command: "sluice queue resume network" }
])
