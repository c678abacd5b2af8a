/**
 * Steps of one handler that are not run again: what a step made is kept with its job, and an attempt that comes later is answered from
 * there.
 *
 * ```ts
 * const OrderLive = Order.toLayer((order, job) =>
 *   Effect.gen(function*() {
 *     const receipt = yield* step(job, "charge", Receipt, charge(order))
 *     yield* step(job, "mail", Schema.Void, mail(order, receipt))
 *   }))
 * ```
 *
 * A step's result is durable before the handler goes on. A crash between the two, after the effect and before the commit, runs the step
 * once more: at least once, as for jobs. Results go when the job completes or is removed; a dead letter that is retried keeps them.
 */
import { Effect, Schema } from "effect"
import type { JobContext } from "./Task.ts"

/**
 * Runs the effect, or answers what it made in an earlier attempt. The name is unique within the job's handler; a changed name or a
 * result that no longer fits its schema makes it a new step. A failing step keeps nothing. Costs a read, and a commit when it runs.
 */
export const step = <A, E, R>(
  job: JobContext<unknown, never>,
  name: string,
  success: Schema.Codec<A, any>,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const { steps } = job
    if (steps === undefined) return yield* effect
    const codec = Schema.fromJsonString(Schema.toCodecJson(success))
    const kept = yield* steps.read(name)
    const known = kept === undefined ? undefined : Schema.decodeOption(codec)(kept)
    if (known?._tag === "Some") return known.value
    const made = yield* effect
    yield* steps.keep(name, yield* Effect.orDie(Schema.encodeEffect(codec)(made)))
    return made
  })
