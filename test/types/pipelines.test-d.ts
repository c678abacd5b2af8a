// The lines below that must not compile are errors to Effect's diagnostics as well.
// @effect-diagnostics missingEffectError:off missingEffectContext:off floatingEffect:off
/** What must not compile of pipelines; see `tasks.test-d.ts`. */
import { type Effect, Schema } from "effect"
import { Pipeline, type Pipelines, type StageFailed, Task, type TaskQueue } from "../../src/services/Queue/index.ts"

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(..._proof: Equal<A, B> extends true ? [] : [never]): void => undefined

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}
class Broken extends Schema.TaggedError<Broken>()("Broken", {}) {}

const Listing = Schema.Struct({ files: Schema.Array(Schema.String) })
const List = Task.make("list", { payload: Schema.String, success: Listing, error: Refused })
const Resize = Task.make("resize", {
  payload: Schema.String,
  success: Schema.Struct({ bytes: Schema.Int }),
  error: Broken
})
const Measure = Task.make("measure", { payload: Schema.Struct({ bytes: Schema.Int }), success: Schema.Int })
const Total = Task.make("total", { payload: Schema.Array(Schema.Int), success: Schema.BigInt })

/** Never called. */
export const pipelineTypes = (queue: TaskQueue["Service"], pipelines: Pipelines["Service"]) => {
  const start = Pipeline.make("p", { payload: Schema.String })
  const listed = start.stage(List)

  const whole = listed
    .fanOut(Resize, { items: (listing) => listing.files, buffer: 10 })
    .stage(Measure)
    .fanIn(Total)
  const run = queue.run(whole.task, "folder")
  same<Effect.Success<typeof run>, bigint>()
  same<Extract<Effect.Error<typeof run>, Refused | Broken | StageFailed>, Refused | Broken | StageFailed>()
  const started = pipelines.start(whole, "folder")
  type Started = Effect.Success<typeof started>
  same<Effect.Success<Started["await"]>, bigint>()

  const collected = listed.fanOut(Resize, { items: ({ files }) => files }).collect()
  const sizes = queue.run(collected.task, "folder")
  same<Effect.Success<typeof sizes>, ReadonlyArray<{ readonly bytes: number }>>()

  const folded = listed
    .fanOut(Resize, { items: ({ files }) => files })
    .fold({ schema: Schema.Int, initial: 0, step: (sum, { bytes }) => sum + bytes })
  const sum = queue.run(folded.task, "folder")
  same<Effect.Success<typeof sum>, number>()

  // @ts-expect-error the stage takes a string, the one before makes a listing
  listed.stage(Resize)
  // @ts-expect-error and so `from` must make a string
  listed.stage(Resize, { from: (listing) => listing.files })
  listed.stage(Resize, { from: (listing) => listing.files[0]! })
  // @ts-expect-error what is not a list has no items
  listed.fanOut(Resize)
  // @ts-expect-error items of another type
  listed.fanOut(Measure, { items: (listing) => listing.files })
  // @ts-expect-error one result is not the list of results
  collected.stage(Measure)
  collected.fanOut(Measure)
  // @ts-expect-error the next stage of an item takes what the item's stage made
  listed.fanOut(Resize, { items: ({ files }) => files }).stage(List)
  // @ts-expect-error the results are no list of numbers
  listed.fanOut(Resize, { items: ({ files }) => files }).fanIn(Total)
  // @ts-expect-error what has fanned out must come together before it runs
  queue.run(listed.fanOut(Resize, { items: ({ files }) => files }).task, "folder")
  // @ts-expect-error a run starts with the pipeline's payload
  queue.run(whole.task, 1)
  // @ts-expect-error a fold that makes something else than its schema
  listed.fanOut(Resize, { items: ({ files }) => files }).fold({ schema: Schema.Int, initial: 0, step: () => "" })
}
