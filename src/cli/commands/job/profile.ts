import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as JobFlags from "../../JobFlags.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"

export const profile = Command.make(
  "profile",
  {
    timeout: JobFlags.durationFlag("timeout").pipe(
      Flag.withDescription(
        "give up waiting for its next attempt after this long: exit code 7; the profile is made all the same"
      ),
      Flag.optional
    ),
    json: JobFlags.json,
    wide: JobFlags.wide,
    job: JobFlags.jobIdArgument()
  },
  Effect.fnUntraced(function* ({ job: reference, ...options }) {
    const id = yield* JobReference.jobOf(reference)
    const { showJobProfile } = yield* Effect.promise(() => import("../../profile/JobProfile.ts"))
    yield* showJobProfile(id, options)
  }, looking)
).pipe(
  Command.withDescription(
    "Shows where the time of one job went: from a saved profile, or by profiling its next attempt and waiting for it."
  ),
  Command.withExamples([
    { command: "sluice job profile last" },
    { command: "sluice job profile last --timeout 10m", description: "a job that still waits for its turn" }
  ])
)
