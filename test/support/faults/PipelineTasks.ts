/** A pipeline for the fault suites: numbers, each through two stages, summed up. */
import { Effect, Layer, Schema } from "effect"
import { Pipeline, ResourceGroup, Sluice, Task } from "../../../src/services/Queue/index.ts"
import type { LedgerWriter } from "./Ledger.ts"

const roomy = ResourceGroup.make("pipeline-work", 8)

const Numbers = Task.make("numbers", {
  payload: Schema.Int,
  success: Schema.Array(Schema.Int),
  group: roomy,
  retry: "quick"
})
const Square = Task.make("square", { payload: Schema.Int, success: Schema.Int, group: roomy, retry: "quick" })
const Negate = Task.make("negate", { payload: Schema.Int, success: Schema.Int, group: roomy, retry: "quick" })

export const Squares = Pipeline.make("squares", { payload: Schema.Int })
  .stage(Numbers)
  .fanOut(Square, { buffer: 10 })
  .stage(Negate)
  .collect()

export const squaresOf = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => -i * i || 0)

export const pipelineHandlers = (ledger: LedgerWriter) => {
  const work = <A>(
    job: { readonly id: number; readonly attempt: number; readonly task: string },
    ms: number,
    value: A
  ) =>
    Effect.suspend(() => {
      ledger.write("start", job.id, job.attempt, job.task)
      return Effect.sleep(ms)
    }).pipe(
      Effect.map(() => {
        ledger.write("end", job.id, job.attempt)
        return value
      })
    )
  return Layer.mergeAll(
    Numbers.toLayer((n, job) =>
      work(
        job,
        20,
        Array.from({ length: n }, (_, i) => i)
      )
    ),
    Square.toLayer((n, job) => work(job, 50 + (n % 7) * 50, n * n)),
    Negate.toLayer((n, job) => work(job, 50, -n || 0)),
    Sluice.layerPipeline(Squares)
  )
}
