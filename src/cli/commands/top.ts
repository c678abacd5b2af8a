import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { withoutSinks } from "../AlertStore.ts"
import { fail } from "../Failure.ts"
import { existing } from "../GroupArgument.ts"
import { Invocation } from "../Invocation.ts"
import * as JobFlags from "../JobFlags.ts"
import { output } from "../Output.ts"
import { lookingAtScaler } from "../scale/Scaling.ts"
import { top } from "../top/Top.ts"

const shortestInterval = Duration.millis(100)

const forPrograms = "for a program: sluice queue status --json, sluice job watch JOB --json"

export const command = Command.make(
  "top",
  {
    interval: JobFlags.durationFlag("interval").pipe(
      Flag.withDescription("between two looks at the store (default 1s, at least 100ms)"),
      Flag.withDefault(Duration.seconds(1))
    ),
    group: Flag.String("group").pipe(
      Flag.withAlias("g"),
      Flag.withMetavar("GROUP"),
      Flag.withDescription("only this resource group and its jobs"),
      Flag.optional
    ),
    json: JobFlags.json.pipe(Flag.withHidden)
  },
  Effect.fnUntraced(function* ({ group, interval, json }) {
    const { env, stdin, stdout } = yield* Invocation
    if (json) return yield* fail("usage", `top is a screen for people and has no --json; ${forPrograms}`)
    if (stdin.isTTY !== true || !stdout.isTerminal || env.TERM === "dumb")
      return yield* fail("usage", `top needs a terminal that it can draw on; ${forPrograms}`)
    if (Duration.isLessThan(interval, shortestInterval))
      return yield* fail("usage", `--interval is ${Duration.toMillis(interval)}ms; expected at least 100ms`)
    const { style } = yield* output
    const only = Option.getOrUndefined(group)
    yield* Effect.gen(function* () {
      if (only !== undefined) yield* existing(only)
      yield* top({ stdin, stdout, style, interval, group: only })
    }).pipe(withoutSinks, lookingAtScaler)
  })
).pipe(
  Command.withDescription(
    "A live screen of groups, jobs with their last line, workers, waits, forecast and alerts; keys cancel, retry, pause and follow. ? shows the keys."
  ),
  Command.withExamples([
    { command: "sluice top", description: "everything, looked at each second" },
    { command: "sluice top -g network --interval 5s", description: "one group, over a slow line" }
  ])
)
