/**
 * Steps of one handler that are not run again: what a step made is kept with its job, and an attempt that comes later
 * is answered from there.
 *
 * ```ts
 * const OrderLive = Order.toLayer((order, job) =>
 *   Effect.gen(function*() {
 *     const receipt = yield* step(job, "charge", Receipt, charge(order))
 *     yield* step(job, "mail", Schema.Void, mail(order, receipt))
 *   }))
 * ```
 *
 * A step's result is durable before the handler goes on. A crash between the two, after the effect and before the
 * commit, runs the step once more: at least once, as for jobs. Results go when the job completes or is removed; a dead
 * letter that is retried keeps them.
 */
import { Effect, Schema } from "effect"
import * as Bounds from "./policy/Bounds.ts"
import type { JobContext } from "./Task.ts"

/** Steps of an attempt that have begun and not failed. */
const begun = new WeakMap<object, Set<string>>()

/** Dies where the name is taken: the second step would be answered with what the first one made. */
const take = (job: object, name: string): Effect.Effect<Set<string>> =>
  Effect.sync(() => {
    Bounds.label("a step's name", name)
    const names = begun.get(job) ?? new Set<string>()
    begun.set(job, names)
    if (names.has(name))
      throw new Error(
        `This attempt has two steps of the name ${JSON.stringify(name)}; give each its own, such as ${JSON.stringify(`${name} 2`)}: the second would be answered with what the first one made`
      )
    return names.add(name)
  })

/**
 * Runs the effect, or answers what it made in an earlier attempt. The name, at most 200 characters, is unique within
 * the job's handler: a second step of it in one attempt is a defect. A changed name or a result that no longer fits its
 * schema makes it a new step. A failing step keeps nothing, and may be tried again. Costs a read, and a commit when it
 * runs.
 */
export const step = <A, E, R>(
  job: JobContext<unknown, never>,
  name: string,
  success: Schema.Codec<A, any>,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(take(job, name), (names) =>
    Effect.onError(remembered(job, name, success, effect), () => Effect.sync(() => names.delete(name)))
  )

const remembered = <A, E, R>(
  { steps }: JobContext<unknown, never>,
  name: string,
  success: Schema.Codec<A, any>,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    if (steps === undefined) return yield* effect
    const codec = Schema.fromJsonString(Schema.toCodecJson(success))
    const kept = yield* steps.read(name)
    const known = kept === undefined ? undefined : Schema.decodeOption(codec)(kept)
    if (known?._tag === "Some") return known.value
    const made = yield* effect
    yield* steps.keep(name, yield* Effect.orDie(Schema.encodeEffect(codec)(made)))
    return made
  })
