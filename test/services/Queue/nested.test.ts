import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import * as Testing from "../../../src/testing/index.ts"

const group = { name: "kitchen", limit: 2 }
const Cut = Task.make("cut", { payload: Schema.Int, success: Schema.Int, group })
const CutLive = Cut.toLayer((n) => Effect.as(Effect.sleep("1 minute"), n))
const Cook = Task.make("cook", { payload: Schema.Int, success: Schema.Int, group })
const CookLive = Cook.toLayer((n) => Effect.orDie(TaskQueue.use((queue) => queue.run(Cut, n))))

const lines = () => {
  const said: Array<string> = []
  return { said, layer: Logger.layer([Logger.make(({ message }) => void said.push(String(message)))]) }
}

const provided = (layer: Layer.Layer<never>) =>
  Effect.provide(Testing.layer(Layer.mergeAll(CutLive, CookLive)).pipe(Layer.provide(layer)))

describe("handlers that await jobs of their own group", () => {
  it.effect("are told, once, when they hold all its slots", () => {
    const { layer, said } = lines()
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueueMany(Cook, [1, 2])
      yield* TestClock.adjust("20 minutes")
      assert.deepStrictEqual(said, [
        'Group "kitchen" stands still: all its slots are held by handlers (cook) that wait for jobs of the same group. ' +
          "Await from another group, let one job follow the other (after, a pipeline), or raise the group's limit"
      ])
      yield* queue.setLimit("kitchen", 3)
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual((yield* queue.count({ states: ["completed"] })).count, 4)
      assert.lengthOf(said, 1)
    }).pipe(provided(layer))
  })

  it.effect("are no matter while there is a slot left, or others run", () => {
    const { layer, said } = lines()
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueue(Cook, 1)
      yield* queue.enqueueMany(Cut, [2, 3, 4, 5])
      yield* TestClock.adjust("20 minutes")
      assert.strictEqual((yield* queue.count({ states: ["completed"] })).count, 6)
      assert.deepStrictEqual(said, [])
    }).pipe(provided(layer))
  })
})
