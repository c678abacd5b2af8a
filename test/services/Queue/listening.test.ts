/** When a process begins to hear others: with its first waiter, and of all that has happened by then. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Layer, Schedule, Schema } from "effect"
import { existsSync, readdirSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { QueueSettings, Sluice, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import { newFile } from "../Store/sqlite/SqliteStores.ts"

const Double = Task.make("double", { payload: Schema.Int, success: Schema.Int, group: "network" })

const settings = Layer.succeed(QueueSettings.Settings, {
  ...QueueSettings.defaults,
  pollInterval: Duration.hours(1)
})

const opened = (path: string) =>
  Effect.map(
    Layer.build(Layer.fresh(Sluice.layerSqlite({ path, thread: false })).pipe(Layer.provide(settings))),
    (context) => Context.get(context, TaskQueue)
  )

const working = (path: string) =>
  Layer.build(
    Layer.fresh(
      Sluice.layerWorker().pipe(
        Layer.provideMerge(Double.toLayer((n) => Effect.succeed(2 * n))),
        Layer.provideMerge(Sluice.layerSqlite({ path, thread: false })),
        Layer.provide(settings)
      )
    )
  )

const sockets = (file: string) => (existsSync(`${file}.wake`) ? readdirSync(`${file}.wake`).length : 0)

const rows = (file: string, table: string): number => {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    return Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!["n"])
  } finally {
    db.close()
  }
}

describe("a process on a store in a file", () => {
  it.live("binds no socket and is no listener while it looks, adds and changes", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const queue = yield* opened(file)
      const { id } = yield* queue.enqueue(Double, 1)
      yield* queue.get(id)
      yield* queue.cancel(id)
      // One that waits becomes a listener: had the other become one before it, there would be two.
      const waiter = yield* opened(file)
      const waiting = yield* Effect.forkChild(Effect.flatMap(waiter.enqueue(Double, 2), (job) => job.await))
      yield* Effect.sync(() => rows(file, "listener")).pipe(
        Effect.repeat({ until: (listeners) => listeners > 0, schedule: Schedule.spaced("5 millis") })
      )
      assert.deepStrictEqual(
        { sockets: sockets(file), listeners: rows(file, "listener") },
        { sockets: 1, listeners: 1 }
      )
      yield* Fiber.interrupt(waiting)
    }).pipe(Effect.timeout("10 seconds"))
  )

  it.live("hears what another does to the job it waits for, with a poll each hour", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const queue = yield* opened(file)
      const before = yield* queue.enqueue(Double, 1)
      const after = yield* queue.enqueue(Double, 2)
      const waiting = yield* Effect.forkChild(after.await)
      yield* working(file)
      assert.strictEqual(yield* Fiber.join(waiting), 4)
      // Its end was told to nobody: it is looked up.
      assert.strictEqual(yield* before.await, 2)
      assert.isAbove(sockets(file), 0)
    }).pipe(Effect.timeout("10 seconds"))
  )
})
