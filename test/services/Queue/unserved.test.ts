import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import * as Testing from "../../../src/testing/index.ts"

const Mail = Task.make("mail", { payload: Schema.Int, group: "post" })
const Resize = Task.make("resize", { payload: Schema.Int, group: "pictures" })
const ResizeLive = Resize.toLayer(() => Effect.void)

/** What the worker logs. */
const lines = () => {
  const said: Array<string> = []
  const layer = Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])
  return { said, layer }
}

describe("a worker beside jobs that wait in vain", () => {
  it.effect("says once that no worker has the handler of a task, and which ones it has", () => {
    const { layer, said } = lines()
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueueMany(Mail, [1, 2])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(said, [
        '2 jobs of task "mail" cannot start: no worker has its handler (handlers here: resize). Provide its layer (toLayer) to a worker, or correct the task\'s name'
      ])
      yield* queue.enqueue(Mail, 3)
      yield* TestClock.adjust("1 hour")
      assert.lengthOf(said, 1)
    }).pipe(Effect.provide(Testing.layer(ResizeLive).pipe(Layer.provide(layer))))
  })

  it.effect("says it again when it comes back after the jobs were served", () => {
    const { layer, said } = lines()
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const { id } = yield* queue.enqueue(Mail, 1)
      yield* TestClock.adjust("1 minute")
      yield* queue.cancel(id)
      yield* TestClock.adjust("1 minute")
      yield* queue.enqueue(Mail, 2)
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(said, 2)
    }).pipe(Effect.provide(Testing.layer(Layer.empty).pipe(Layer.provide(layer))))
  })

  it.effect("says that a group has no slots where the handler is", () => {
    const { layer, said } = lines()
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueue(Resize, 1)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(said, [
        'A job of task "resize" in group "pictures" cannot start: the workers with its handler have no slot for that group'
      ])
    }).pipe(
      Effect.provide(Testing.layer(ResizeLive, { worker: { slots: { pictures: 0 } } }).pipe(Layer.provide(layer)))
    )
  })

  it.effect("says nothing of jobs that run, are paused, or are not due", () => {
    const { layer, said } = lines()
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueue(Mail, 1, { in: "2 hours" })
      yield* queue.pause("pictures")
      yield* queue.enqueue(Resize, 1)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(said, [])
    }).pipe(Effect.provide(Testing.layer(ResizeLive).pipe(Layer.provide(layer))))
  })
})
