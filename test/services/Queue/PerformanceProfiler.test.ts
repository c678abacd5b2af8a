import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import {
  NotProfiling,
  PerformanceProfiler,
  ProfilerSettings,
  ProfilingReport,
  Sluice,
  Task,
  TaskQueue
} from "../../../src/services/Queue/index.ts"
import { mergeTasks, taskFigures } from "../../../src/services/Profiling/measure/Readings.ts"
import { TaskCell } from "../../../src/services/Profiling/measure/TaskCell.ts"
import * as Testing from "../../../src/testing/index.ts"
import { SeededRandom } from "../../support/SeededRandom.ts"

const Nap = Task.make("nap", { payload: Schema.Int, error: Schema.String, retry: "none" })
const napping = Nap.toLayer((ms) => (ms < 0 ? Effect.fail("no") : Effect.sleep(ms)))

const withNaps = (options: Testing.TestQueueOptions = {}) => Effect.provide(Testing.layer(napping, options))

describe("what is always recorded", () => {
  it.effect("tells per task and group how long attempts waited and ran, and how many failed", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const profiler = yield* PerformanceProfiler
      yield* queue.enqueue(Nap, 40)
      yield* queue.enqueue(Nap, 60, { group: "network" })
      yield* queue.enqueue(Nap, -1)
      yield* Testing.drain()
      const { groups, overall, tasks } = yield* profiler.getBenchmarks
      const [here, there] = ["computation", "network"].map((group) => tasks.find((task) => task.group === group)!)
      assert.deepInclude(here!, { task: "nap", attempts: 2, failed: 1 })
      assert.deepInclude(there!, { task: "nap", attempts: 1, failed: 0 })
      assert.approximately(here!.runMs.max, 40, 0.4)
      assert.approximately(there!.runMs.p50, 60, 0.6)
      assert.strictEqual(here!.storeMs.count, 2)
      assert.approximately(groups.network!.latency.p50, 60, 0.6)
      assert.isAbove(overall.throughput, 0)
      assert.isAbove(overall.memoryUsage.heap, 0)
      assert.isAtLeast(overall.memoryUsage.peak, overall.memoryUsage.heap)
    }).pipe(withNaps())
  )

  it.effect("reads a period on its own, as histograms that merge with those of other periods and processes", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const profiler = yield* PerformanceProfiler
      yield* queue.enqueue(Nap, 40)
      yield* Testing.drain()
      const earlier = yield* profiler.read()
      const period = yield* Effect.forkChild(profiler.read("1 minute"), { startImmediately: true })
      yield* queue.enqueueMany(Nap, [60, -1])
      yield* Testing.drain()
      yield* TestClock.adjust("1 minute")
      const later = yield* Fiber.join(period)
      assert.deepStrictEqual(
        [earlier, later].map(({ tasks: [nap] }) => [nap!.attempts, nap!.failed]),
        [
          [1, 0],
          [2, 1]
        ]
      )
      assert.isAtLeast(later.periodMs, 60_000)
      assert.approximately(later.tasks[0]!.throughput, 2000 / later.periodMs, 1e-9)
      const [both] = mergeTasks([...earlier.tasks, ...later.tasks]).map(taskFigures)
      const [all] = (yield* profiler.getBenchmarks).tasks
      assert.deepStrictEqual(
        [both!.attempts, both!.failed, both!.runMs, both!.waitMs, both!.storeMs, both!.fastestMs],
        [all!.attempts, all!.failed, all!.runMs, all!.waitMs, all!.storeMs, all!.fastestMs]
      )
    }).pipe(withNaps())
  )

  it.effect("counts the wait for a slot, and what was held before the first wait apart from the run", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueueMany(Nap, [100, 100, 100])
      yield* Testing.drain()
      const [nap] = (yield* (yield* PerformanceProfiler).getBenchmarks).tasks
      assert.approximately(nap!.waitMs.max, 200, 2)
      assert.approximately(nap!.runMs.p50, 100, 1)
      assert.strictEqual(nap!.heldMs.max, 0)
    }).pipe(withNaps({ worker: { slots: { "*": 1 } } }))
  )

  it.effect("names the slowest attempts with their jobs", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueueMany(
        Nap,
        Array.from({ length: 400 }, () => 10)
      )
      const slow = yield* queue.enqueue(Nap, 400)
      yield* Testing.drain()
      const [first] = (yield* (yield* PerformanceProfiler).getBenchmarks).slowest
      assert.deepInclude(first!, { task: "nap", beyondP99: true })
      assert.approximately(first!.runMs, 400, 1)
      assert.strictEqual((yield* queue.get(slow.id)).state, "completed")
    }).pipe(withNaps())
  )

  it.effect("tells an attempt slower than the threshold in its log and as an event; a line a minute is enough", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const recorder = yield* Testing.recordEvents
      const jobs = yield* queue.enqueueMany(Nap, [499, 501, 700])
      yield* Testing.drain()
      assert.deepStrictEqual(
        (yield* recorder.of("SlowTask")).map(({ runMs, thresholdMs }) => [Math.round(runMs), thresholdMs]),
        [
          [501, 500],
          [700, 500]
        ]
      )
      const lines = yield* Effect.forEach(jobs, (job) => job.logs)
      assert.deepStrictEqual(
        lines.map((each) => each.length),
        [0, 1, 0]
      )
      assert.include(lines[1]![0]!.message, "ran 501 ms; slow is above 500 ms")
    }).pipe(Effect.scoped, withNaps())
  )

  it.effect("keeps silent about tasks that are given another threshold", () =>
    Effect.gen(function* () {
      const job = yield* (yield* TaskQueue).enqueue(Nap, 5000)
      yield* Testing.drain()
      assert.deepStrictEqual(yield* job.logs, [])
    }).pipe(
      Effect.provide(
        Testing.layer(napping).pipe(
          Layer.provide(
            Layer.succeed(ProfilerSettings.Settings, {
              ...ProfilerSettings.defaults,
              slowTasks: { nap: Duration.infinity }
            })
          )
        )
      )
    )
  )

  it.effect("records nothing when it is switched off, and jobs run all the same", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueue(Nap, 5)
      yield* Testing.drain()
      assert.deepStrictEqual((yield* (yield* PerformanceProfiler).getBenchmarks).tasks, [])
    }).pipe(
      Effect.provide(
        Testing.layer(napping).pipe(
          Layer.provide(Layer.succeed(ProfilerSettings.Settings, { ...ProfilerSettings.defaults, enabled: false }))
        )
      )
    )
  )

  it.effect("measures any effect under a name, however it ends", () =>
    Effect.gen(function* () {
      const profiler = yield* PerformanceProfiler
      const one = yield* Effect.forkChild(profiler.profile(Effect.as(Effect.sleep(30), "done"), "export"))
      yield* TestClock.adjust(30)
      assert.strictEqual(yield* Fiber.join(one), "done")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(profiler.profile(Effect.fail("no"), "export"))))
      const [context] = (yield* profiler.getBenchmarks).contexts
      assert.deepInclude(context!, { task: "export", group: null, attempts: 2, failed: 1 })
      assert.approximately(context!.runMs.max, 30, 0.3)
    }).pipe(withNaps())
  )
})

describe("percentiles", () => {
  for (const [name, draw] of [
    ["from nanoseconds to seconds", (u: number) => 10 ** (-6 + 9 * u)],
    ["of an exponential distribution", (u: number) => -Math.log(1 - u) * 3],
    ["of jobs in memory, below a microsecond", (u: number) => 0.0002 + 0.0006 * u]
  ] as const) {
    it(`lie within 1 % of exact: ${name}`, () => {
      const random = new SeededRandom(11)
      const cell = new TaskCell("t", "g")
      const values = Array.from({ length: 20_000 }, () => draw(random.next()))
      for (const value of values) cell.ended(0, value, value, true)
      values.sort((a, b) => a - b)
      const { runMs } = taskFigures(cell.reading(cell.mark(), 1000))
      for (const [quantile, fraction] of [
        [runMs.p50, 0.5],
        [runMs.p95, 0.95],
        [runMs.p99, 0.99]
      ] as const) {
        const exact = values[Math.ceil(values.length * fraction) - 1]!
        assert.isBelow(Math.abs(quantile / exact - 1), 0.01)
      }
    })
  }

  it("take no more memory after ten million recordings than after a thousand", () => {
    setFlagsFromString("--expose-gc")
    const collect = runInNewContext("gc") as () => void
    const random = new SeededRandom(5)
    const cell = new TaskCell("t", "g")
    const record = (count: number) => {
      for (let i = 0; i < count; i++) {
        const runMs = 10 ** (-4 + 8 * random.next())
        cell.ended(i % 1000, runMs, runMs, true)
        cell.stored(runMs)
      }
    }
    const used = () => {
      collect()
      const { arrayBuffers, heapUsed } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    record(1000)
    const before = used()
    record(10_000_000)
    const grown = used() - before
    assert.strictEqual(cell.attempts, 10_001_000)
    assert.isBelow(grown, 200_000)
  })
})

describe("a profile", () => {
  const Spin = Task.make("spin", { payload: Schema.Int })
  const spin = (ms: number) => {
    const until = performance.now() + ms
    let sum = 0
    while (performance.now() < until) sum += Math.sqrt(sum + 1)
    return sum
  }
  const spinning = Spin.toLayer((ms) =>
    Effect.promise(async () => {
      await new Promise((resume) => setTimeout(resume, 1))
      // After an await of its own, where no effect is near.
      spin(ms)
    })
  )
  const live = Sluice.layerWorker().pipe(Layer.provideMerge(spinning), Layer.provideMerge(Sluice.layerMemory()))

  it.live("attributes work to its task and its context, names the hottest function, and fits its schema", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const profiler = yield* PerformanceProfiler
      yield* profiler.startProfiling
      yield* profiler.startProfiling
      yield* queue.runMany(Spin, [60, 60])
      yield* profiler.profile(
        Effect.sync(() => spin(60)),
        "report"
      )
      const report = yield* profiler.stopProfiling
      const loop = (owner: string) => report.owners.find((each) => each.owner === owner)!.onLoopMs
      assert.isAtLeast(loop("spin"), 110)
      assert.isAtLeast(loop("report"), 55)
      assert.include(
        report.hottest.slice(0, 3).map(({ name }) => name),
        "spin"
      )
      assert.deepInclude(report.tasks[0]!, { task: "spin", attempts: 2 })
      assert.deepStrictEqual(
        Schema.decodeUnknownSync(ProfilingReport.ProfilingReport)(JSON.parse(JSON.stringify(report))),
        report
      )
    }).pipe(Effect.provide(live))
  )

  it.live("of one job begins and ends with its attempt", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const profiler = yield* PerformanceProfiler
      const job = yield* queue.enqueue(Spin, 30, { in: 100 })
      const waiting = yield* Effect.forkChild(profiler.profileJob(job.id))
      yield* queue.runMany(Spin, [5])
      const { cpuProfile, report } = yield* Fiber.join(waiting)
      assert.deepInclude(report.tasks[0]!, { task: "spin", attempts: 1 })
      assert.isAbove((JSON.parse(cpuProfile) as { samples: ReadonlyArray<number> }).samples.length, 10)
      assert.isFalse(yield* profiler.isProfiling)
    }).pipe(Effect.provide(live))
  )

  it.live("of one job ends with what there is to say when no attempt of it is to come", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const profiler = yield* PerformanceProfiler
      const done = yield* queue.enqueue(Spin, 1)
      yield* done.await
      const over = yield* Effect.flip(profiler.profileJob(done.id))
      assert.strictEqual(over._tag, "WrongState")
      assert.match(over.message, /is completed: no attempt of it is to come/)
      const unknown = yield* Effect.flip(profiler.profileJob((done.id + 1e9) as typeof done.id))
      assert.strictEqual(unknown._tag, "JobNotFound")
      const later = yield* queue.enqueue(Spin, 30, { in: "1 hour" })
      const waiting = yield* Effect.forkChild(Effect.flip(profiler.profileJob(later.id)))
      yield* Effect.yieldNow
      yield* later.cancel()
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "WrongState")
    }).pipe(Effect.provide(live))
  )

  it.effect("that nobody started cannot be stopped", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip((yield* PerformanceProfiler).stopProfiling)
      assert.instanceOf(error, NotProfiling)
    }).pipe(withNaps())
  )
})
