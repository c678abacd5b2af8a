import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { nothingSeen, workerCurves } from "../../BatchCurves.ts"
import { curvePicture } from "../../CurvePicture.ts"
import { fail } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { BatchCurveShape, toCurveShape } from "../../../api/BatchShape.ts"

export const tune = Command.make(
  "tune",
  {
    name: Argument.String("task").pipe(Argument.withDescription("a task or a group; none: all"), Argument.optional),
    json: JobFlags.json
  },
  Effect.fnUntraced(function* ({ json, name }) {
    const out = yield* output
    const wanted = Option.getOrUndefined(name)
    const all = yield* workerCurves(wanted)
    // The worker that has seen most speaks for the task.
    const curves = all.map(({ curve }) => curve).filter(({ task }, i, list) => list[i - 1]?.task !== task)
    if (curves.length === 0 && wanted !== undefined)
      return yield* fail(
        "notFound",
        `no living worker has run a batch of a task or group ${wanted}; see: sluice batch status`
      )
    if (curves.length === 0 && !json) return yield* out.note(nothingSeen)
    for (const curve of curves) {
      if (json) yield* out.json(BatchCurveShape, toCurveShape(curve))
      else yield* out.lines(curvePicture(curve, out.style))
    }
  }, looking)
).pipe(
  Command.withDescription("What a job costs in batches of each size, as measured, and the size that costs least."),
  Command.withExamples([
    { command: "sluice batch tune mail", description: "the curve of one task" },
    { command: "sluice batch tune --json", description: "all curves, for programs" }
  ])
)
