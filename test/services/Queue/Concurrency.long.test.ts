/**
 * Tuned slots of a real worker over handlers that really contend, against fixed numbers of slots on the same machine in
 * the same minutes. Figures are printed; the assertion leaves room for a machine that does other things too.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Semaphore } from "effect"
import { type SlotBounds, Sluice, Task, TaskQueue, Worker } from "../../../src/services/Queue/index.ts"

const isReduced = process.env.SLUICE_LONG === "reduced"
const fixedMs = isReduced ? 1000 : 4000
/** From one slot to eight takes four steps of some 3 s each; then the steps beyond are tried and taken back. */
const searchMs = isReduced ? 25_000 : 60_000
const tunedMs = isReduced ? 3000 : 60_000

const Query = Task.make("query", { payload: Schema.Int, error: Schema.String, group: "database", retry: "none" })

/** Eight connections of 25 ms a query; who has none within 60 ms gives up. */
const connections = Effect.map(Semaphore.make(8), (pool) =>
  pool
    .withPermit(Effect.sleep("25 millis"))
    .pipe(Effect.timeoutOrElse({ duration: "60 millis", orElse: () => Effect.fail("no connection") }))
)

/** A lock held for 5 ms, and 0.5 ms longer for each that waits. */
const lock = Effect.gen(function* () {
  const one = yield* Semaphore.make(1)
  let waiting = 0
  return Effect.suspend(() => {
    waiting++
    return one.withPermit(Effect.suspend(() => Effect.sleep(5 + 0.5 * --waiting)))
  })
})

const layer = (handler: Effect.Effect<Effect.Effect<void, string>>, slots: number | SlotBounds) =>
  Sluice.layerWorker({ slots: { database: slots } }).pipe(
    Layer.provideMerge(Query.toLayer(Effect.map(handler, (run) => () => run))),
    Layer.provideMerge(Sluice.layerMemory())
  )

const completed = Worker.use(({ loads }) =>
  Effect.map(loads, (groups) => groups.find(({ group }) => group === "database")?.succeeded ?? 0)
)

/** There is always more to do. */
const backlog = Effect.gen(function* () {
  const queue = yield* TaskQueue
  yield* queue.setLimit("database", 1000)
  const topUp = Effect.gen(function* () {
    const { count } = yield* queue.count({ tasks: ["query"], states: ["pending"] })
    if (count < 2000)
      yield* queue.enqueueMany(
        Query,
        Array.from({ length: 2000 }, (_, i) => i)
      )
  })
  yield* topUp
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("200 millis"), topUp)))
})

/** Completions per second once it has run for a while, and the slots at the end. */
const goodput = (
  handler: Effect.Effect<Effect.Effect<void, string>>,
  slots: number | SlotBounds,
  warmUpMs: number,
  ms: number
) =>
  Effect.gen(function* () {
    yield* backlog
    yield* Effect.sleep(warmUpMs)
    const before = yield* completed
    const startedAt = performance.now()
    yield* Effect.sleep(ms)
    const perSecond = (((yield* completed) - before) * 1000) / (performance.now() - startedAt)
    return { perSecond, slots: (yield* (yield* Worker).status).slots.database }
  }).pipe(Effect.scoped, Effect.provide(layer(handler, slots)))

describe("tuned slots of a real worker", () => {
  for (const [name, handler] of [
    ["a pool of connections", connections],
    ["a lock", lock]
  ] as const) {
    it.live(
      `complete nearly as much as the best fixed number: ${name}`,
      () =>
        Effect.gen(function* () {
          // Before and after, since a shared machine changes meanwhile.
          const numbers = isReduced ? [1, 8, 16] : [1, 2, 4, 6, 8, 10, 12, 16, 24]
          const fixed = Effect.forEach(numbers, (slots) => goodput(handler, slots, 500, fixedMs))
          const before = yield* fixed
          const tuned = yield* goodput(handler, { min: 1, max: 40, tune: true }, searchMs, tunedMs)
          const after = yield* fixed
          const rows = numbers.map((slots, i) => ({
            slots,
            before: before[i]!.perSecond,
            after: after[i]!.perSecond,
            mean: (before[i]!.perSecond + after[i]!.perSecond) / 2
          }))
          const best = Math.max(...rows.map(({ mean }) => mean))
          for (const row of rows)
            console.log(`${row.slots} slots: ${row.before.toFixed(1)}/s before, ${row.after.toFixed(1)}/s after`)
          const percent = ((100 * tuned.perSecond) / best).toFixed(1)
          console.log(
            `${name}, tuned: ${tuned.perSecond.toFixed(1)}/s with ${tuned.slots} slots, ${percent} % of the best fixed number`
          )
          assert.isAtLeast(tuned.perSecond, 0.75 * best)
        }),
      10 * 60_000
    )
  }
})
