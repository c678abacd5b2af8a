// For callers who need no durability: any effect of this process, within the slots of a resource group, by priority.
import { Effect } from "effect"
import assert from "node:assert/strict"
import { Sluice, TaskQueue } from "../src/index.ts"

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  let running = 0
  let most = 0
  const work = (n: number) =>
    Effect.gen(function* () {
      most = Math.max(most, ++running)
      yield* Effect.sleep("5 millis")
      running--
      return n * 2
    })

  const doubled = yield* Effect.forEach(
    Array.from({ length: 20 }, (_, n) => n),
    (n) => queue.submit(work(n), { resourceGroup: "memory-intensive" }),
    { concurrency: "unbounded" }
  )
  assert.equal(doubled[19], 38)
  assert.equal(most, 2) // the group's limit
  console.log(`20 closures, at most ${most} at a time`)
})

await Effect.runPromise(Effect.provide(program, Sluice.layerMemory()))
