import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"

export const status = Command.make(
  "status",
  { json: JobFlags.json, wide: JobFlags.wide },
  Effect.fnUntraced(function* (flags) {
    const { showStatus } = yield* Effect.promise(() => import("../../queue/ShowStatus.ts"))
    yield* showStatus(flags)
  }, looking)
).pipe(
  Command.withDescription(
    "Jobs by group and state, the oldest pending, and how long jobs waited and ran in the last hour."
  ),
  Command.withExamples([
    { command: "sluice queue status" },
    { command: "sluice queue status --json", description: "for programs" }
  ])
)
