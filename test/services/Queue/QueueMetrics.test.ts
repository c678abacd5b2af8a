import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Metric, Schema } from "effect"
import { TestClock } from "effect/testing"
import { PrometheusMetrics } from "effect/observability"
import { Histogram, QueueMetrics, Task } from "../../../src/services/Queue/index.ts"
import { type QueueNodeOptions, startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"
import type { Store } from "../../../src/services/Store/Store.ts"

const Work = Task.make("work", {
  payload: Schema.Int,
  error: Schema.String,
  group: "network",
  retry: { times: 1 }
})

/** Fails once, always, or never; or takes its time. */
const handlers = Work.toLayer((kind, { attempt }) => {
  if (kind === 1 && attempt === 1) return Effect.fail("once")
  if (kind === 2) return Effect.fail("always")
  return kind > 10 ? Effect.sleep(kind) : Effect.void
})

const node = (store: Store, options?: Partial<QueueNodeOptions>) =>
  Effect.gen(function* () {
    const registry: Context.Service.Shape<typeof Metric.MetricRegistry> = new Map()
    const started = yield* startNode({ store, handlers, ...options }).pipe(
      Effect.provideService(Metric.MetricRegistry, registry)
    )
    const context = Context.make(Metric.MetricRegistry, registry)
    /** The series that have these labels among theirs, by name. */
    const read = (labels: Record<string, string>) =>
      Object.fromEntries(
        Metric.snapshotUnsafe(context).flatMap(({ attributes = {}, id, state }) =>
          Object.entries(labels).every(([name, value]) => attributes[name] === value)
            ? [
                [
                  id.replace("sluice_", ""),
                  Number("count" in state ? state.count : "value" in state ? state.value : Number.NaN)
                ]
              ]
            : []
        )
      )
    return { ...started, context, read }
  })

describe("metrics", () => {
  it.effect("tell what became of jobs, whoever did it, in Effect's registry", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const a = yield* node(store, { worker: { name: "a", slots: { network: 3 } } })
      const b = yield* node(store, { worker: { name: "b", slots: { network: 1 } } })
      // Something has to wait for b to get its share.
      yield* a.queue.enqueueMany(Work, [0, 1, 2])
      const waiting = yield* b.queue.enqueue(Work, 0, { in: "1 day" })
      yield* b.queue.cancel(waiting.id)
      yield* b.queue.enqueue(Work, 0, { in: "1 day", key: "k" })
      yield* Effect.exit(b.queue.enqueue(Work, 0, { key: "k" }))
      yield* TestClock.adjust("30 seconds")

      const lane = { group: "network", task: "work" }
      assert.deepInclude(a.read(lane), {
        jobs_enqueued_total: 5,
        jobs_started_total: 5,
        jobs_completed_total: 2,
        jobs_failed_total: 3,
        jobs_retried_total: 2,
        jobs_dead_total: 1,
        jobs_cancelled_total: 1,
        jobs_deduplicated_total: 1,
        jobs_recovered_total: 0
      })
      // One worker tells of the store; each of the attempts that it ran.
      assert.notProperty(b.read(lane), "jobs_enqueued_total")
      const runs = [a, b].map(({ read }) => [
        read({ ...lane, outcome: "completed" })["job_run_seconds"] ?? 0,
        read({ ...lane, outcome: "failed" })["job_run_seconds"] ?? 0
      ])
      assert.deepStrictEqual([runs[0]![0]! + runs[1]![0]!, runs[0]![1]! + runs[1]![1]!], [2, 3])

      assert.deepInclude(a.read({ group: "network", state: "scheduled" }), { queue_jobs: 1 })
      assert.deepInclude(a.read({ group: "filesystem", state: "failed" }), { queue_jobs: 0 })
      assert.deepInclude(a.read({ group: "network" }), { workers: 2, queue_paused: 0, queue_oldest_pending_seconds: 0 })
      assert.deepInclude(a.read({ worker: "a", group: "network" }), {
        worker_slots: 3,
        worker_slots_busy: 0,
        lease_lost_total: 0
      })
      assert.isAbove(a.read({ operation: "turn", store: "memory" })["store_operation_seconds"]!, 5)
      assert.strictEqual(a.read({ node: process.versions.node, store: "memory" })["build_info"], 1)
    }).pipe(Effect.scoped)
  )

  it.effect("tell of a lost worker: its attempt, its lead, its refused end", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const a = yield* node(store, { worker: { name: "a" } })
      yield* a.queue.enqueue(Work, 20_000)
      yield* TestClock.adjust("1 second")
      const b = yield* node(store, { worker: { name: "b" } })
      a.freeze()
      yield* TestClock.adjust("2 minutes")
      assert.deepInclude(b.read({ group: "network", task: "work" }), {
        jobs_recovered_total: 1,
        jobs_completed_total: 1
      })
      assert.isAbove(b.read({ worker: "b", group: "network" })["worker_last_claim_timestamp_seconds"]!, 1)
      a.thaw()
      yield* TestClock.adjust("1 minute")
      // It has found out that another leads.
      assert.notProperty(a.read({ group: "network", task: "work" }), "jobs_recovered_total")
    }).pipe(Effect.scoped)
  )

  it.effect("tell of a pause and of how long the next job has been due", () =>
    Effect.gen(function* () {
      const a = yield* node(yield* sharedMemory)
      yield* a.queue.pause("network")
      yield* a.queue.enqueue(Work, 0)
      yield* TestClock.adjust("1 minute")
      const { queue_oldest_pending_seconds, queue_paused } = a.read({ group: "network" })
      assert.strictEqual(queue_paused, 1)
      assert.isAtLeast(queue_oldest_pending_seconds!, 50)
    }).pipe(Effect.scoped)
  )

  it.effect(
    "have the names, kinds and labels of their description, and a name of a worker that no exporter stumbles over",
    () =>
      Effect.gen(function* () {
        const a = yield* node(yield* sharedMemory, { worker: { name: 'w "quoted\\" ü' } })
        yield* a.queue.enqueue(Work, 0)
        yield* TestClock.adjust("30 seconds")
        const text = PrometheusMetrics.formatUnsafe(a.context)
        assert.isTrue(text.isWellFormed())
        for (const line of text.trimEnd().split("\n"))
          assert.match(line, /^(# (TYPE|HELP) sluice_\S+ .*|sluice_\w+(\{[^\0]*\})? [\d.e+-]+)$/)
        const found = new Map(
          Metric.snapshotUnsafe(a.context).map(({ attributes, id, type }) => [
            id,
            [type, ...Object.keys(attributes ?? {}).sort()].join(" ")
          ])
        )
        const lane = "Counter group task"
        assert.deepStrictEqual(Object.fromEntries([...found].sort(([x], [y]) => (x < y ? -1 : 1))), {
          sluice_build_info: "Gauge effect node store version",
          sluice_job_run_seconds: "Histogram group outcome task",
          sluice_job_total_seconds: "Histogram group outcome task",
          sluice_job_wait_seconds: "Histogram group outcome task",
          sluice_jobs_cancelled_total: lane,
          sluice_jobs_completed_total: lane,
          sluice_jobs_dead_total: lane,
          sluice_jobs_deduplicated_total: lane,
          sluice_jobs_enqueued_total: lane,
          sluice_jobs_failed_total: lane,
          sluice_jobs_rate_limited_total: lane,
          sluice_jobs_recovered_total: lane,
          sluice_jobs_retried_total: lane,
          sluice_jobs_started_total: lane,
          sluice_lease_lost_total: "Counter group worker",
          sluice_limit_breaker_open: "Gauge group",
          sluice_limit_held_back: "Gauge group",
          sluice_limit_keys_mended_total: "Counter",
          sluice_queue_jobs: "Gauge group state",
          sluice_queue_oldest_pending_seconds: "Gauge group",
          sluice_queue_paused: "Gauge group",
          sluice_store_operation_seconds: "Histogram operation store",
          sluice_worker_last_claim_timestamp_seconds: "Gauge group worker",
          sluice_worker_slots: "Gauge group worker",
          sluice_worker_slots_busy: "Gauge group worker",
          sluice_workers: "Gauge group"
        })
        yield* a.stop
        // What counts stays, as counters of a process do; what is no more is gone.
        const left = new Set(Metric.snapshotUnsafe(a.context).map(({ id }) => id))
        assert.deepStrictEqual([...left].sort(), [
          "sluice_job_run_seconds",
          "sluice_job_total_seconds",
          "sluice_job_wait_seconds",
          "sluice_limit_keys_mended_total"
        ])
      }).pipe(Effect.scoped)
  )
})

describe("a histogram of durations, in seconds", () => {
  it("counts each recording once, at or below the boundary it is not above", () => {
    const recorder = new Histogram.Recorder()
    for (const millis of [1, 2000, 100_000_000]) recorder.record(millis)
    const state = QueueMetrics.secondsState(recorder.snapshot(), 1000)
    assert.strictEqual(state.count, 3)
    assert.strictEqual(state.max, 100_000)
    assert.deepStrictEqual(
      state.buckets.map(([, count]) => count).filter((count, i, all) => count !== all[i - 1]),
      [0, 1, 2]
    )
    // Beyond the last boundary: only in the count.
    assert.strictEqual(state.buckets.at(-1)![1], 2)
    assert.approximately(state.min, 0.001, 0.0005)
  })
})
