import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { fail } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { ask, problemOf } from "../../profile/AskWorkers.ts"
import { printFigures, together } from "../../profile/FiguresText.ts"
import { profiles } from "../../profile/Profiles.ts"
import { ProfileFiguresShape } from "../../../api/ProfileShape.ts"
import { workerArguments } from "./start.ts"

export const figures = Command.make(
  "figures",
  {
    for: JobFlags.durationFlag("for").pipe(
      Flag.withDescription(
        "only of what happens from now on, for this long, at most 10 min (default: since each worker began)"
      ),
      Flag.optional
    ),
    byWorker: Flag.Boolean("by-worker").pipe(
      Flag.withoutNegation,
      Flag.withDescription("tasks of each worker apart, instead of all together"),
      Flag.withDefault(false)
    ),
    json: JobFlags.json,
    wide: JobFlags.wide,
    pids: workerArguments
  },
  Effect.fnUntraced(function* ({ byWorker, for: length, json, pids, wide }) {
    const out = yield* output
    const files = yield* profiles
    const forMs = Option.isSome(length) ? Duration.toMillis(length.value) : null
    const answers = yield* ask(files, pids, { action: "figures", forMs, job: null }, forMs ?? 0)
    const measured = together(
      answers.flatMap(({ answer, pid }) => (answer?.figures ? [{ pid, reading: answer.figures }] : []))
    )
    for (const answered of answers) {
      const problem = problemOf(answered)
      if (problem !== undefined) yield* out.note(`sluice: ${problem}`)
    }
    if (measured.workers.length === 0) return yield* fail("timedOut")
    if (json) yield* out.json(ProfileFiguresShape, measured)
    else yield* printFigures(out, measured, { byWorker, wide })
  }, looking)
).pipe(
  Command.withDescription(
    "What running workers measure all the time, without a profile: waits, runs and store times by task, CPU, memory, event loop, collections."
  ),
  Command.withExamples([
    { command: "sluice profile figures", description: "since the workers began" },
    { command: "sluice profile figures --for 5s", description: "what happens now" },
    { command: "sluice profile figures --by-worker", description: "which of them is slow" }
  ])
)
