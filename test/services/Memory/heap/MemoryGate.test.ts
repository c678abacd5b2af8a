import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  MemoryOptimizer,
  QueueSettings,
  ResourceGroup,
  Sluice,
  Task,
  TaskQueue,
  Worker
} from "../../../../src/services/Queue/index.ts"
import { MemoryGate, type MemoryProbe, Probe } from "../../../../src/services/Memory/MemoryGate.ts"
import type { PressureLevel } from "../../../../src/services/Memory/policy/MemoryPressure.ts"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"

const MiB = 1024 * 1024

/** A heap of 256 MiB as the test says: what lives, and garbage that a collection takes away. */
class FakeMemory {
  livedMiB = 20
  garbageMiB = 0
  utilization = 0.9
  canCollect = true
  collections = 0
  looks = 0

  readonly probe: MemoryProbe = {
    read: () => {
      this.looks++
      return {
        heapUsedBytes: (this.livedMiB + this.garbageMiB) * MiB,
        heapLimitBytes: 256 * MiB,
        memoryUsedBytes: 0,
        memoryLimitBytes: 1024 * MiB
      }
    },
    nearestOutside: () => "machine",
    snapshot: () => ({
      heapUsedBytes: (this.livedMiB + this.garbageMiB) * MiB,
      heapTotalBytes: 256 * MiB,
      spaces: [],
      externalBytes: 0,
      arrayBuffersBytes: 0,
      rssBytes: 300 * MiB,
      container: undefined
    }),
    collect: () => {
      if (!this.canCollect) return false
      this.collections++
      this.garbageMiB = 0
      return true
    },
    utilization: () => this.utilization
  }
}

const Work = Task.make("work", { payload: Schema.Int, success: Schema.Int, group: ResourceGroup.network })
const Hungry = Task.make("hungry", { payload: Schema.Int, group: ResourceGroup.make("memory-intensive", 6) })

const layer = (memory: FakeMemory, settings: Partial<QueueSettings.MemorySettings> = {}) =>
  Sluice.layerMemoryOptimizer.pipe(
    Layer.provideMerge(Sluice.layerMemory()),
    Layer.provide(Layer.succeed(Probe, memory.probe)),
    Layer.provide(
      Layer.succeed(QueueSettings.Settings, {
        ...QueueSettings.defaults,
        memory: { ...QueueSettings.defaults.memory, ...settings }
      })
    )
  )

const temporaryFile = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "sluice-memory-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
).pipe(Effect.map((folder) => path.join(folder, "jobs.db")))

/** Makes the queue look at once, as the worker's tick does. */
const look = Effect.flatMap(MemoryOptimizer, (optimizer) =>
  Effect.map(optimizer.monitorMemory, ({ pressure }) => pressure)
)

describe("the memory gate", () => {
  it.effect("refuses new jobs at the limit, with a hint that grows, and takes them in again below it", () => {
    const memory = new FakeMemory()
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueue(Work, 1)
      memory.livedMiB = 0.8 * 256
      yield* look
      const error = yield* Effect.flip(queue.enqueue(Work, 2))
      assert(error._tag === "EnqueueError" && error.reason._tag === "MemoryShort")
      assert.deepStrictEqual(
        { nearest: error.reason.nearest, limit: error.reason.limitBytes, retry: error.reason.retryAfterMs },
        { nearest: "heap", limit: 256 * MiB, retry: 250 }
      )
      assert.strictEqual(
        error.message,
        "This process uses 205 MiB of 256 MiB of its heap and takes in no more jobs for now; try again in 250 ms"
      )
      yield* TestClock.adjust("2 seconds")
      const later = yield* Effect.flip(queue.enqueueMany(Work, [3, 4]))
      assert(later._tag === "EnqueueError" && later.reason._tag === "MemoryShort")
      assert.strictEqual(later.reason.retryAfterMs, 2000)
      const { refused } = yield* look
      assert.strictEqual(refused, 2)
      assert.strictEqual((yield* queue.count({})).count, 1)

      memory.livedMiB = 100
      yield* TestClock.adjust("1 second")
      yield* queue.enqueue(Work, 5)
      assert.strictEqual((yield* queue.count({})).count, 2)
    }).pipe(Effect.provide(layer(memory)))
  })

  it.effect("looks by itself as jobs come in, without anyone's tick", () => {
    const memory = new FakeMemory()
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      memory.livedMiB = 0.8 * 256
      let taken = 0
      for (; taken < 5000; taken++) {
        if (Exit.isFailure(yield* Effect.exit(queue.enqueue(Work, taken)))) break
      }
      assert.isBelow(taken, 4097)
      memory.livedMiB = 20
      yield* TestClock.adjust("1 second")
      yield* queue.enqueue(Work, 1)
    }).pipe(Effect.provide(layer(memory)))
  })

  it.effect("collects before it refuses: garbage is no reason, at most a fifth of the time", () => {
    const memory = new FakeMemory()
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      memory.livedMiB = 100
      memory.garbageMiB = 130
      assert.strictEqual((yield* look).level, "ok")
      assert.strictEqual(memory.collections, 1)
      yield* queue.enqueue(Work, 1)
      // The next heap of garbage comes too soon after the last collection.
      memory.garbageMiB = 130
      assert.strictEqual((yield* look).level, "critical")
      assert.strictEqual(memory.collections, 1)
      yield* TestClock.adjust("500 millis")
      assert.strictEqual((yield* look).level, "ok")
      assert.strictEqual(memory.collections, 2)
    }).pipe(Effect.provide(layer(memory)))
  })

  it.effect("does neither where the settings say so", () => {
    const memory = new FakeMemory()
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      memory.livedMiB = 250
      assert.strictEqual((yield* look).level, "critical")
      yield* queue.enqueue(Work, 1)
      assert.strictEqual(memory.collections, 0)
    }).pipe(Effect.provide(layer(memory, { refuse: false, collect: false })))
  })

  it.effect(
    "shrinks what is registered when the level rises and each second while it is high, whatever one of them throws",
    () => {
      const memory = new FakeMemory()
      return Effect.gen(function* () {
        const optimizer = yield* MemoryOptimizer
        const asked: Array<PressureLevel> = []
        yield* optimizer.shrinkWhenShort({
          name: "broken",
          shrink: () => {
            throw new Error("cannot")
          }
        })
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* optimizer.shrinkWhenShort({ name: "cache", shrink: (level) => asked.push(level) })
            for (const share of [0.2, 0.58, 0.6, 0.68]) {
              memory.livedMiB = share * 256
              // Certain of what lives.
              yield* optimizer.collect
            }
            assert.deepStrictEqual(asked, ["elevated", "high"])
            yield* TestClock.adjust("1 second")
            yield* look
            assert.deepStrictEqual(asked, ["elevated", "high", "high"])
          })
        )
        memory.livedMiB = 200
        yield* TestClock.adjust("1 second")
        yield* look
        assert.strictEqual(asked.length, 3)
      }).pipe(Effect.scoped, Effect.provide(layer(memory)))
    }
  )

  it.effect("makes pools give up idle objects: those beyond the least first, all when memory is really short", () => {
    const memory = new FakeMemory()
    return Effect.gen(function* () {
      const optimizer = yield* MemoryOptimizer
      const pool = yield* optimizer.createPool(
        () => ({}),
        () => Effect.void,
        { min: 1, max: 4 }
      )
      yield* Effect.all(
        Array.from({ length: 4 }, () => pool.use(() => Effect.yieldNow)),
        { concurrency: 4 }
      )
      assert.strictEqual((yield* pool.stats).idle, 4)
      memory.livedMiB = 0.6 * 256
      yield* optimizer.collect
      assert.strictEqual((yield* pool.stats).idle, 1)
      memory.livedMiB = 0.7 * 256
      yield* optimizer.collect
      assert.strictEqual((yield* pool.stats).idle, 0)
    }).pipe(Effect.provide(layer(memory)))
  })

  it.effect("makes the memory store give up finished jobs, dead letters last", () => {
    const memory = new FakeMemory()
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const optimizer = yield* MemoryOptimizer
      yield* queue.runMany(
        Work,
        Array.from({ length: 4000 }, (_, i) => i)
      )
      assert.strictEqual((yield* queue.count({ states: ["completed"] })).count, 4000)
      memory.livedMiB = 0.6 * 256
      yield* optimizer.collect
      assert.strictEqual((yield* queue.count({ states: ["completed"] })).count, 2000)
      memory.livedMiB = 0.8 * 256
      for (let i = 0; i < 10; i++) {
        yield* TestClock.adjust("1 second")
        yield* look
      }
      assert.strictEqual((yield* queue.count({ states: ["completed"] })).count, 16)
    }).pipe(
      Effect.provide(
        Sluice.layerWorker().pipe(
          Layer.provideMerge(Work.toLayer((n) => Effect.succeed(n))),
          Layer.provideMerge(layer(memory))
        )
      )
    )
  })

  it.effect(
    "lets an idle worker under pressure collect by itself, and not again and again where that frees nothing",
    () => {
      const memory = new FakeMemory()
      return Effect.gen(function* () {
        const gate = yield* MemoryGate
        const ticks = (count: number) =>
          Effect.repeat(
            Effect.andThen(
              TestClock.adjust("250 millis"),
              Effect.sync(() => gate.tick())
            ),
            { times: count - 1 }
          )
        memory.livedMiB = 100
        memory.garbageMiB = 80
        yield* ticks(20)
        assert.strictEqual(memory.collections, 0, "it is busy")
        memory.utilization = 0.01
        yield* ticks(20)
        assert.strictEqual(memory.collections, 1)
        assert.strictEqual((yield* look).level, "ok")
        memory.garbageMiB = 30
        yield* ticks(20)
        assert.strictEqual(memory.collections, 1, "there is no pressure")
        memory.garbageMiB = 0
        memory.livedMiB = 180
        yield* ticks(240)
        assert.strictEqual(memory.collections, 2, "what lives was tried once")
      }).pipe(Effect.provide(layer(memory)))
    }
  )

  it.effect("says what a collection freed, and why it made none", () => {
    const memory = new FakeMemory()
    return Effect.gen(function* () {
      const optimizer = yield* MemoryOptimizer
      memory.garbageMiB = 100
      const busy = yield* optimizer.optimizeGC
      assert.deepStrictEqual([busy.collected, busy.reason], [false, "busy"])
      memory.utilization = 0.01
      const paid = yield* optimizer.optimizeGC
      assert.deepStrictEqual([paid.collected, paid.reason, paid.freedHeapBytes], [true, "pays", 100 * MiB])
      assert.strictEqual((yield* optimizer.optimizeGC).reason, "too-soon")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* optimizer.optimizeGC).reason, "little-garbage")
      assert.strictEqual((yield* optimizer.collect).reason, "asked")
      memory.canCollect = false
      assert.strictEqual((yield* optimizer.collect).reason, "unavailable")
    }).pipe(Effect.provide(layer(memory)))
  })

  it.effect("tells how heap and resident set move", () => {
    const memory = new FakeMemory()
    return Effect.gen(function* () {
      const optimizer = yield* MemoryOptimizer
      for (let second = 0; second < 400; second++) {
        yield* TestClock.adjust("1 second")
        memory.livedMiB += 0.1
        yield* look
      }
      const { heapUsedBytes, trend } = yield* optimizer.monitorMemory
      assert.closeTo(trend.heapBytesPerSecond! / MiB, 0.1, 1e-9)
      assert.strictEqual(trend.rssBytesPerSecond, 0)
      assert.strictEqual(trend.spanMs, 300_000)
      assert.closeTo(heapUsedBytes / MiB, 60, 1e-6)
    }).pipe(Effect.provide(layer(memory)))
  })
})

describe("a worker short of memory", () => {
  /** How many of twenty jobs of each task run at once, on a store that is not in the heap. */
  const runningAt = (livedShare: number) => {
    const memory = new FakeMemory()
    memory.livedMiB = livedShare * 256
    return Effect.gen(function* () {
      const file = yield* temporaryFile
      const open = yield* Deferred.make<void>()
      const handlers = Layer.mergeAll(
        Work.toLayer((n) => Effect.as(Deferred.await(open), n)),
        Hungry.toLayer(() => Deferred.await(open))
      )
      const queueLayer = Sluice.layerWorker().pipe(
        Layer.provideMerge(handlers),
        Layer.provideMerge(Sluice.layerSqlite({ path: file, thread: false })),
        Layer.provide(Layer.succeed(Probe, memory.probe)),
        Layer.provide(
          Layer.succeed(QueueSettings.Settings, {
            ...QueueSettings.defaults,
            memory: { ...QueueSettings.defaults.memory, refuse: false, collect: false }
          })
        )
      )
      return yield* Effect.gen(function* () {
        const queue = yield* TaskQueue
        const worker = yield* Worker
        const gate = yield* MemoryGate
        gate.tick()
        yield* queue.enqueueMany(
          Work,
          Array.from({ length: 20 }, (_, i) => i)
        )
        yield* queue.enqueueMany(
          Hungry,
          Array.from({ length: 20 }, (_, i) => i)
        )
        yield* TestClock.adjust("3 seconds")
        const { running, slots } = yield* worker.status
        const count = (task: string) => running.filter((job) => job.task === task).length
        const found = [gate.level(), count("work"), count("hungry")]
        assert.strictEqual(slots["network"], 10)
        const { decision } = (yield* worker.loads).find(({ group }) => group === "network")!
        assert.strictEqual(decision.by.source, decision.slots === 10 ? "limit" : "memory")
        assert.deepStrictEqual([decision.slots, decision.asked.slots], [count("work"), 10])
        yield* Deferred.succeed(open, undefined)
        yield* TestClock.adjust("60 seconds")
        assert.strictEqual((yield* queue.count({ states: ["completed"] })).count, 40)
        return found
      }).pipe(Effect.provide(queueLayer))
    }).pipe(Effect.scoped)
  }

  for (const [share, ...expected] of [
    [0.1, "ok", 10, 6],
    [0.66, "elevated", 10, 3],
    [0.76, "high", 5, 1],
    [0.9, "critical", 1, 1]
  ] as const) {
    it.effect(
      `at ${expected[0]} fills ${expected[1]} of ten slots and ${expected[2]} of six for memory-intensive jobs, and finishes all`,
      () => Effect.map(runningAt(share), (found) => assert.deepStrictEqual(found, [...expected]))
    )
  }
})
