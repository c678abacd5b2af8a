import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as JobFlags from "../../JobFlags.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"

export const explain = Command.make(
  "explain",
  { job: JobFlags.jobIdArgument(), json: JobFlags.json },
  Effect.fnUntraced(function* ({ job: reference, json }) {
    const id = yield* JobReference.jobOf(reference)
    const { explainJob } = yield* Effect.promise(() => import("../../job/ExplainJob.ts"))
    yield* explainJob(id, json)
  }, looking)
).pipe(
  Command.withDescription("Says why a job has not started, and what would change it."),
  Command.withExamples([{ command: "sluice job explain last" }])
)
