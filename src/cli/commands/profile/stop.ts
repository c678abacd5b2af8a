import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { fail } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { ask, problemOf } from "../../profile/AskWorkers.ts"
import { profiles, readReport } from "../../profile/Profiles.ts"
import { printReport } from "../../profile/ReportText.ts"
import { WorkerAnswerShape } from "../../../api/ProfileShape.ts"
import { workerArguments } from "./start.ts"

export const stop = Command.make(
  "stop",
  { json: JobFlags.json, wide: JobFlags.wide, pids: workerArguments },
  Effect.fnUntraced(function* ({ json, pids, wide }) {
    const out = yield* output
    const files = yield* profiles
    const answers = yield* ask(files, pids, { action: "stop", forMs: null, job: null })
    const saved = answers.flatMap(({ answer }) =>
      answer === undefined || answer.profile === null ? [] : [answer.profile]
    )
    for (const answered of answers) {
      const problem = problemOf(answered)
      const profile = answered.answer?.profile ?? null
      if (json) yield* out.json(WorkerAnswerShape, { pid: answered.pid, profile, problem: problem ?? null })
      else if (problem !== undefined && (saved.length === 0 || pids.length > 0)) yield* out.note(`sluice: ${problem}`)
    }
    if (!json) {
      for (const [i, id] of saved.entries()) {
        if (out.quiet) yield* out.line(id)
        else {
          if (i > 0) yield* out.line("")
          yield* printReport(out, yield* readReport(files, id), wide)
        }
      }
    }
    if (saved.length > 0) return
    return yield* answers.every(({ answer }) => answer === undefined) ? fail("timedOut") : fail("conflict")
  }, looking)
).pipe(
  Command.withDescription("Ends the profiles of running workers, saves and shows them."),
  Command.withExamples([{ command: "sluice profile stop" }])
)
