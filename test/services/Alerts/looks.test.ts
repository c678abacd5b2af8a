import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Schema, type Scope } from "effect"
import { TestClock } from "effect/testing"
import {
  AlertLayers,
  Alerts,
  AlertSettings,
  ArrivalForecast,
  type AskArrivals,
  type RuleRequest
} from "../../../src/services/Alerts/index.ts"
import {
  PredictiveScaler,
  type RollUp,
  type RollUpQuery,
  type RollUpWidth,
  Sluice,
  Task,
  TaskQueue,
  type WorkerRecord
} from "../../../src/services/Queue/index.ts"
import type { GroupPolicy } from "../../../src/services/Limits/GroupPolicy.ts"
import { parseHours } from "../../../src/services/Limits/policy/Hours.ts"
import { empty, Recorder } from "../../../src/services/Queue/policy/Histogram.ts"
import { decideSlots } from "../../../src/services/Queue/policy/SlotDecision.ts"
import { type Store, store as wholeStore, toContext } from "../../../src/services/Store/Store.ts"

const start = Date.UTC(2026, 10, 21, 14, 0)
const second = 1000
const minute = 60_000 satisfies RollUpWidth

const Mail = Task.make("mail", { payload: Schema.Void, success: Schema.Void, group: "network" })

interface World {
  /** The alerts of another process on the same store. */
  readonly another: Effect.Effect<World, never, Scope.Scope>
  readonly alerts: Alerts["Service"]
  readonly queue: TaskQueue["Service"]
  readonly store: Store
  readonly lines: ReadonlyArray<string>
}

/** What a test says of the store beside what is in it. */
interface Said {
  readonly workers?: ReadonlyArray<Partial<WorkerRecord>>
  readonly rollUps?: (query: RollUpQuery) => ReadonlyArray<Partial<RollUp>>
  readonly status?: { readonly freeBytes?: number; readonly bytes?: number; readonly live?: number }
  readonly forecast?: AskArrivals
  readonly store?: (store: Store) => Store
}

const worker = (said: Partial<WorkerRecord>): WorkerRecord => ({
  name: "host:1",
  host: "host",
  pid: 1,
  version: "1",
  slots: { network: 10 },
  tasks: ["mail"],
  session: 1,
  startedAt: 0,
  lastBeat: 0,
  leaseUntil: Number.MAX_SAFE_INTEGER,
  draining: false,
  load: undefined,
  blocked: undefined,
  ...said
})

const restful = { busy: {}, cpu: 0, rssBytes: 0, heapBytes: 0, loopDelayMs: 0 }

const heldAt = (slots: number) =>
  decideSlots({ limit: { slots: 10, reason: "" } }, { memory: { of: () => slots, reason: "" } })

const rollUp = (said: Partial<RollUp>): RollUp => ({
  width: minute,
  start: 0,
  group: "network",
  task: "mail",
  arrivals: 0,
  starts: 0,
  completed: 0,
  failed: 0,
  retried: 0,
  dead: 0,
  cancelled: 0,
  recovered: 0,
  deduplicated: 0,
  limited: 0,
  wait: empty,
  run: empty,
  ...said
})

/** Only the given rule is in force; the store is real but for what is said of it. */
const world = (rule: RuleRequest | undefined, said: Said = {}) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(start)
    const queues = yield* Layer.build(Sluice.layerMemory())
    const real = yield* Effect.provide(wholeStore, queues)
    const queue = Context.get(queues, TaskQueue)
    const store: Store = (said.store ?? ((store) => store))({
      ...real,
      workers: { ...real.workers, all: Effect.sync(() => (said.workers ?? []).map(worker)) },
      rollUps: {
        ...real.rollUps,
        jobs: (query) =>
          Effect.sync(() =>
            (said.rollUps?.(query) ?? []).map(rollUp).filter(({ start }) => start >= query.from && start < query.to)
          )
      },
      jobs: { ...real.jobs, status: Effect.map(real.jobs.status, (status) => ({ ...status, ...said.status })) }
    })
    const process: Effect.Effect<World, never, Scope.Scope> = Effect.gen(function* () {
      const lines: Array<string> = []
      const log = (line: string) => Effect.sync(() => void lines.push(line))
      const context = yield* Layer.build(
        Layer.fresh(AlertLayers.layer).pipe(
          Layer.provide(Layer.succeedContext(toContext(store))),
          Layer.provide(Layer.succeed(AlertSettings.Settings, { ...AlertSettings.defaults, log })),
          Layer.provide(Layer.succeed(ArrivalForecast, said.forecast))
        )
      ).pipe(Effect.orDie)
      return { another: process, alerts: Context.get(context, Alerts), queue, store, lines }
    })
    const made = yield* process
    const { alerts } = made
    if (rule !== undefined) {
      for (const each of yield* alerts.rules) yield* alerts.removeRule(each.rule.name)
      yield* alerts.putRule(rule)
    }
    return made
  })

const lookFor = ({ alerts }: World, time: Duration.Input) =>
  Effect.gen(function* () {
    for (let passed = 0; passed < Duration.toMillis(time); passed += 15 * second) {
      yield* TestClock.adjust("15 seconds")
      yield* alerts.look("one")
    }
  })

const times = (count: number, ms: number) => {
  const recorder = new Recorder()
  recorder.record(ms, count)
  return recorder.snapshot()
}

/** The minutes of the last hour and those to come, each the same. */
const everyMinute = (said: Partial<RollUp>) => () =>
  Array.from({ length: 180 }, (_, i) => ({ start: start + (i - 60) * minute, ...said }))

describe("what cannot be read or used", () => {
  it.effect("of one rule, silence or model keeps no other rule from firing", () =>
    Effect.gen(function* () {
      const one = yield* world(
        { name: "lonely", metric: "no-worker", threshold: 1, severity: "critical" },
        { workers: [{ tasks: ["web"] }] }
      )
      const never = { ...(yield* one.alerts.rules).find(({ rule }) => rule.name === "lonely")!.rule, forMs: -1 }
      for (const kind of ["alert-rule", "alert-silence", "alert-model", "alert-state"]) {
        yield* one.store.documents.put(kind, "worse", "{", { now: start })
        yield* one.store.documents.put(kind, "none", "null", { now: start })
      }
      yield* one.store.documents.put("alert-rule", "never", JSON.stringify({ rule: { ...never, name: "never" } }), {
        now: start
      })
      yield* one.queue.enqueue(Mail, undefined)
      yield* lookFor(one, "6 minutes")
      assert.strictEqual(one.lines.length, 1)
      assert.match(one.lines[0]!, /lonely/)
    })
  )
})

describe("what a rule sees", () => {
  it.effect("jobs that no living worker serves, and that they are gone", () =>
    Effect.gen(function* () {
      const one = yield* world(
        { name: "lonely", metric: "no-worker", threshold: 1, severity: "critical" },
        { workers: [{ tasks: ["web"] }] }
      )
      yield* one.queue.enqueue(Mail, undefined)
      yield* lookFor(one, "4 minutes")
      assert.deepStrictEqual(one.lines, [])
      assert.deepInclude((yield* one.alerts.overview).alerts[0], { rule: "lonely", subject: "mail", phase: "pending" })
      yield* lookFor(one, "2 minutes")
      assert.deepStrictEqual(one.lines, [
        "critical alert: lonely: task mail: 1 job pending and no living worker serves them (from 1 job); see docs/runbooks/no-worker.md"
      ])
      yield* one.queue.cancelWhere({})
      yield* lookFor(one, "10 minutes")
      assert.deepStrictEqual(one.lines.slice(1), ["resolved: lonely: task mail is well again"])
      assert.deepStrictEqual(
        (yield* one.alerts.history({ limit: 10 })).map(({ alert }) => alert.status),
        ["resolved", "firing"]
      )
    })
  )

  it.effect("that nothing starts although jobs wait, slots are free and a worker serves them", () =>
    Effect.gen(function* () {
      const rule: RuleRequest = { name: "stuck", metric: "no-claims", threshold: 2 * minute }
      const stuck = yield* world(rule, { workers: [{}] })
      yield* stuck.queue.enqueue(Mail, undefined)
      yield* lookFor(stuck, "2 minutes")
      assert.deepStrictEqual(stuck.lines, [])
      yield* lookFor(stuck, "2 minutes")
      assert.match(
        stuck.lines[0]!,
        /^warning alert: stuck: group network: nothing started for 3 min with 1 job pending/
      )
      yield* stuck.queue.pause("network")
      yield* lookFor(stuck, "5 minutes")
      assert.match(stuck.lines[1]!, /^resolved/)
    })
  )

  it.effect("nothing wrong where something starts, the group is full, or no worker serves the jobs", () =>
    Effect.gen(function* () {
      const rule: RuleRequest = { name: "stuck", metric: "no-claims", threshold: 2 * minute }
      for (const said of [
        { workers: [{}], rollUps: everyMinute({ starts: 1 }) },
        { workers: [{ slots: { network: 0 } }] },
        { workers: [{ draining: true }] },
        { workers: [{ tasks: ["web"] }] },
        { workers: [] },
        { workers: [{ load: { ...restful, busy: { network: 10 } } }] },
        { workers: [{ load: { ...restful, busy: { network: 1 }, decided: { network: heldAt(1) } } }] },
        { workers: [{ load: { ...restful, busy: { other: 4 }, total: heldAt(4) } }] }
      ]) {
        const calm = yield* world(rule, said)
        yield* calm.queue.enqueue(Mail, undefined)
        yield* lookFor(calm, "10 minutes")
        assert.deepStrictEqual(calm.lines, [])
      }
    })
  )

  it.effect("nothing wrong where the group is closed, held back or at the end of a slow rate", () =>
    Effect.gen(function* () {
      const rule: RuleRequest = { name: "stuck", metric: "no-claims", threshold: 2 * minute }
      const policies: ReadonlyArray<GroupPolicy> = [
        { hours: { windows: [{ days: ["wed"], from: "02:00", to: "02:30" }], timeZone: "UTC" } },
        { rate: { limit: 1, perMs: 3_600_000 } }
      ]
      for (const policy of policies) {
        const calm = yield* world(rule, { workers: [{}] })
        yield* calm.store.jobs.setGroup("network", { policy })
        if (policy.rate !== undefined) yield* calm.store.jobs.takeUnits({ group: "network", cost: 1, now: start })
        yield* calm.queue.enqueue(Mail, undefined)
        yield* lookFor(calm, "10 minutes")
        assert.deepStrictEqual(calm.lines, [], JSON.stringify(policy))
      }
    })
  )

  it.effect("the key whose limit holds most jobs back, and that it lets them go", () =>
    Effect.gen(function* () {
      const one = yield* world({ name: "held", metric: "limited-jobs", threshold: 3, resolveAt: 2, forMs: 2 * minute })
      yield* one.store.jobs.setGroup("network", { policy: { keys: [{ keys: "*", policy: { concurrency: 1 } }] } })
      for (const partitionKey of ["acme", "acme", "acme", "acme", "acme", "zeta", "zeta"])
        yield* one.queue.enqueue(Mail, undefined, { partitionKey })
      yield* lookFor(one, "1 minute")
      assert.deepStrictEqual(one.lines, [])
      yield* lookFor(one, "2 minutes")
      assert.match(
        one.lines[0]!,
        /held: group network: the limit of key "acme" \(1 at a time\) holds 4 jobs back, since .+ \(from 3 jobs\); see docs\/runbooks\/limits.md$/
      )
      yield* one.store.jobs.setKey("network", "acme", { policy: { concurrency: 9 } })
      yield* lookFor(one, "10 minutes")
      assert.match(one.lines[1]!, /^resolved: held/)
    })
  )

  it.effect("the share of attempts that failed, of enough attempts", () =>
    Effect.gen(function* () {
      const rule: RuleRequest = { name: "failing", metric: "failure-rate", threshold: 0.25 }
      const failing = yield* world(rule, { rollUps: everyMinute({ completed: 6, failed: 2 }) })
      yield* lookFor(failing, "3 minutes")
      assert.match(failing.lines[0]!, /failing: group network: 25 % of \d+ attempts failed within 10 min \(from 25 %\)/)
      const few = yield* world(rule, { rollUps: everyMinute({ failed: 1 }) })
      yield* lookFor(few, "3 minutes")
      assert.deepStrictEqual(few.lines, [])
    })
  )

  it.effect("the p95 of waits and runs", () =>
    Effect.gen(function* () {
      const said = { rollUps: everyMinute({ wait: times(30, 45_000), run: times(30, 200) }) }
      const waits = yield* world({ name: "slow", metric: "wait-p95", threshold: 30_000, forMs: 0 }, said)
      yield* lookFor(waits, "15 seconds")
      assert.match(waits.lines[0]!, /slow: group network: wait p95 is 4[45][.\d]* s \(from 30 s\)/)
      const runs = yield* world({ name: "slow", metric: "run-p95", threshold: 30_000, forMs: 0 }, said)
      yield* lookFor(runs, "15 seconds")
      assert.deepStrictEqual(runs.lines, [])
    })
  )

  it.effect("counts: the backlog, the oldest of it, dead letters, jobs of lost workers", () =>
    Effect.gen(function* () {
      const said = { rollUps: everyMinute({ dead: 1, recovered: 2 }) }
      for (const [metric, threshold, found] of [
        ["backlog", 1, "backlog is 1 job"],
        ["oldest-pending", 10_000, "the next job has been due for 15 s"],
        ["dead-letters", 15, "16 jobs given up within 15 min"],
        ["lost-workers", 30, "32 jobs taken back from workers that were gone within 15 min"]
      ] as const) {
        const one = yield* world({ name: "one", metric, threshold, forMs: 0, subject: "network" }, said)
        yield* one.queue.enqueue(Mail, undefined)
        yield* lookFor(one, "15 seconds")
        assert.include(one.lines[0], found)
        const other = yield* world({ name: "one", metric, threshold, forMs: 0, subject: "filesystem" }, said)
        yield* other.queue.enqueue(Mail, undefined)
        yield* lookFor(other, "15 seconds")
        assert.deepStrictEqual(other.lines, [])
      }
    })
  )

  it.effect("no lateness of jobs whose group is closed, and after that what they wait from its opening on", () =>
    Effect.gen(function* () {
      const hours = parseHours("15:00-16:00 UTC")
      for (const metric of ["backlog", "oldest-pending"] as const) {
        const one = yield* world({ name: "one", metric, threshold: metric === "backlog" ? 1 : 30_000, forMs: 0 })
        yield* one.store.jobs.setGroup("network", { policy: { hours } })
        yield* one.queue.enqueue(Mail, undefined)
        yield* lookFor(one, "10 minutes")
        assert.deepStrictEqual(one.lines, [])
        yield* TestClock.setTime(start + 60 * minute)
        yield* one.alerts.look("one")
        assert.lengthOf(one.lines, metric === "backlog" ? 1 : 0)
        yield* lookFor(one, "45 seconds")
        assert.lengthOf(one.lines, 1)
        assert.match(one.lines[0]!, metric === "backlog" ? /backlog is 1 job/ : /has been due for (30|45) s/)
      }
    })
  )

  it.effect("the memory of workers and the space of the store", () =>
    Effect.gen(function* () {
      const load = { busy: {}, cpu: 0, rssBytes: 0, heapBytes: 0, loopDelayMs: 0, pressure: "high" } as const
      const memory = yield* world(
        { name: "memory", metric: "memory-pressure", threshold: 2, forMs: 0 },
        { workers: [{ name: "a:1", load }, { name: "b:1", load: { ...load, pressure: "ok" } }, { name: "c:1" }] }
      )
      yield* lookFor(memory, "15 seconds")
      assert.strictEqual(memory.lines.length, 1)
      assert.include(memory.lines[0], "memory: worker a:1: memory pressure is high (from high)")
      const free = yield* world(
        { name: "disk", metric: "store-free", threshold: 1024 ** 3, forMs: 0 },
        { status: { freeBytes: 300 * 1024 ** 2 } }
      )
      yield* lookFor(free, "15 seconds")
      assert.include(free.lines[0], "disk: the store: 300 MiB are free on its disk (down to 1 GiB)")
    })
  )
})

describe("what comes", () => {
  /** Ten slots, a second a job: ten a second. */
  const busy = { workers: [{}], rollUps: everyMinute({ arrivals: 900, completed: 600, run: times(600, 1000) }) }

  it.effect("says when a backlog will be too long, from the arrivals of late", () =>
    Effect.gen(function* () {
      const one = yield* world({ name: "growing", metric: "forecast-backlog", threshold: 6000, forMs: 0 }, busy)
      yield* lookFor(one, "15 seconds")
      // 300 more each minute than ten slots can do.
      assert.match(
        one.lines[0]!,
        /growing: group network: backlog will exceed 6,000 jobs at 14:20 UTC, in 20 min, perhaps at 14:1[78] UTC/
      )
      const far = yield* world({ name: "growing", metric: "forecast-backlog", threshold: 60_000, forMs: 0 }, busy)
      yield* lookFor(far, "15 seconds")
      assert.deepStrictEqual(far.lines, [])
    })
  )

  it.effect("says so from a forecast where there is one", () =>
    Effect.gen(function* () {
      const asked: Array<readonly [string, number]> = []
      const forecast: AskArrivals = (group, horizonMs) =>
        Effect.sync(() => {
          asked.push([group, horizonMs])
          // A wave that comes in half an hour.
          return {
            stepMs: minute,
            steps: Array.from({ length: 60 }, (_, i) => ({ p50: i < 30 ? 600 : 2600, p90: i < 20 ? 600 : 2600 }))
          }
        })
      const one = yield* world(
        { name: "wave", metric: "forecast-backlog", threshold: 10_000, forMs: 0 },
        { ...busy, forecast }
      )
      yield* lookFor(one, "15 seconds")
      assert.include(one.lines[0], "backlog will exceed 10,000 jobs at 14:35 UTC, in 35 min, perhaps at 14:25 UTC")
      assert.deepStrictEqual(asked, [["network", 60 * minute]])
    })
  )

  it.effect("asks the scaler once a minute, and does without a forecast that the scaler distrusts", () =>
    Effect.gen(function* () {
      let asked = 0
      const scaler = (distrust: "cold" | undefined) =>
        Layer.succeed(PredictiveScaler, {
          predictLoad: (group: string) =>
            Effect.sync(() => {
              asked++
              const arrivals = { mean: 900, expected: 900, p05: 800, p50: 900, p90: 1000, p95: 1100 }
              const steps = Array.from({ length: 60 }, (_, i) => ({ at: start + i * minute, arrivals }))
              return { group, stepMs: minute, steps, distrust }
            })
        } as unknown as PredictiveScaler["Service"])
      const forecastOf = (distrust: "cold" | undefined) =>
        Effect.map(
          Layer.build(AlertLayers.layerForecast.pipe(Layer.provide(scaler(distrust)))),
          (context) => Context.get(context, ArrivalForecast)!
        )
      // The scaler expects half as much again as ten slots can do; of late nothing came.
      const quiet = { workers: [{}], rollUps: everyMinute({ completed: 600, run: times(600, 1000) }) }
      const rule: RuleRequest = { name: "growing", metric: "forecast-backlog", threshold: 6000, forMs: 0 }
      const trusted = yield* world(rule, { ...quiet, forecast: yield* forecastOf(undefined) })
      yield* lookFor(trusted, "2 minutes")
      assert.include(trusted.lines[0], "backlog will exceed 6,000 jobs")
      assert.strictEqual(asked, 2)
      const distrusted = yield* world(rule, { ...quiet, forecast: yield* forecastOf("cold") })
      yield* lookFor(distrusted, "2 minutes")
      assert.deepStrictEqual(distrusted.lines, [])
    })
  )

  it.effect("says when the store will take no more", () =>
    Effect.gen(function* () {
      const one = yield* world(
        { name: "full", metric: "forecast-limit", threshold: 30 * minute, forMs: 0 },
        { ...busy, status: { live: 2_000_000 - 3600 } }
      )
      yield* lookFor(one, "15 seconds")
      assert.include(
        one.lines[0],
        "full: the store: the limit of 2,000,000 jobs will be reached in 12 min; then enqueues are refused"
      )
    })
  )

  it.effect("says nothing of groups of which nothing is known", () =>
    Effect.gen(function* () {
      const idle = yield* world(
        { name: "growing", metric: "forecast-backlog", threshold: 1, forMs: 0 },
        { workers: [{}] }
      )
      yield* lookFor(idle, "1 minute")
      assert.deepStrictEqual(idle.lines, [])
    })
  )
})

describe("the usual course", () => {
  const hour = 60 * minute
  /** A day that rises and falls, the same each day, until the time it stops. */
  const daily =
    (stopsAt: number) =>
    ({ from, to }: RollUpQuery) =>
      Array.from({ length: Math.max(0, Math.ceil((to - from) / minute)) }, (_, i) => {
        const at = from + i * minute
        const jobs = at >= stopsAt ? 0 : Math.round(20 + 10 * Math.sin((at / (24 * hour)) * 2 * Math.PI))
        return { start: at, arrivals: jobs, starts: jobs, completed: jobs, run: times(jobs, 100), wait: times(jobs, 5) }
      }).filter(({ arrivals }) => arrivals > 0)
  const rule: RuleRequest = { name: "unusual", metric: "anomalous-arrivals", threshold: 1 }
  // Somebody lives all the time: silence is no arrivals, not no record.
  const beats = (store: Store): Store => ({
    ...store,
    rollUps: {
      ...store.rollUps,
      resources: ({ from, to }) =>
        Effect.sync(() =>
          Array.from({ length: Math.ceil((to - from) / minute) }, (_, i) => ({
            width: minute,
            start: from + i * minute,
            beats: 1,
            cpuMean: 0,
            rssBytesPeak: 0,
            heapBytesPeak: 0,
            loopDelayMsPeak: 0,
            busyMean: 0
          }))
        )
    }
  })

  it.effect("is learned from what the store remembers, left with an alert, and known to the next leader", () =>
    Effect.gen(function* () {
      const stopsAt = start + 4 * hour
      const one = yield* world(rule, { workers: [{}], rollUps: daily(stopsAt), store: beats })
      // A week is caught up with within minutes.
      yield* lookFor(one, "8 minutes")
      yield* TestClock.setTime(start + 2 * hour)
      yield* lookFor(one, "1 minute")
      assert.strictEqual((yield* one.store.documents.all("alert-model")).length, 1)
      yield* TestClock.setTime(stopsAt + 8 * minute)
      yield* lookFor(one, "2 minutes")
      assert.deepStrictEqual(one.lines, [])

      const two = yield* one.another
      yield* lookFor(two, "9 minutes")
      assert.deepStrictEqual(one.lines, [])
      assert.match(
        two.lines[0]!,
        /warning alert: unusual: group network: 0 jobs came in five minutes where \d+ jobs are usual, and so for a while; see/
      )
    })
  )

  it.effect("is learned anew from a model that cannot be read", () =>
    Effect.gen(function* () {
      const one = yield* world(rule, { workers: [{}], rollUps: daily(start + 4 * hour), store: beats })
      yield* one.store.documents.put("alert-model", "network", '{"until":1}', { now: start })
      yield* lookFor(one, "8 minutes")
      yield* TestClock.setTime(start + 4 * hour + 8 * minute)
      yield* lookFor(one, "11 minutes")
      assert.match(one.lines[0]!, /unusual: group network: 0 jobs came/)
    })
  )
})

describe("an idle queue", () => {
  it.effect("has no alert from what is built in, and costs a write a minute", () =>
    Effect.gen(function* () {
      const calm = yield* world(undefined, { workers: [{}] })
      let writes = 0
      const before = (yield* calm.store.documents.all("alert-state")).length
      assert.strictEqual(before, 0)
      let version = 0
      for (let i = 0; i < 40; i++) {
        yield* lookFor(calm, "15 seconds")
        const [ledger] = yield* calm.store.documents.all("alert-state")
        if (ledger!.version !== version) writes++
        version = ledger!.version
      }
      assert.deepStrictEqual(calm.lines, [])
      assert.strictEqual(writes, 10)
    })
  )
})

describe("rules", () => {
  it.effect("that are built in can be changed, switched off and brought back", () =>
    Effect.gen(function* () {
      const { alerts } = yield* world(undefined)
      const source = (name: string) =>
        Effect.map(alerts.rules, (rules) => rules.find(({ rule }) => rule.name === name)?.source)
      assert.strictEqual(yield* source("failing"), "built in")
      yield* alerts.putRule({ name: "failing", metric: "failure-rate", threshold: 0.5 })
      assert.strictEqual(yield* source("failing"), "changed")
      assert.strictEqual(yield* alerts.removeRule("failing"), "restored")
      assert.strictEqual(yield* alerts.removeRule("failing"), "off")
      assert.strictEqual(yield* source("failing"), "off")
      yield* alerts.restoreRule("failing")
      assert.strictEqual(yield* source("failing"), "built in")
      yield* alerts.putRule({ name: "mine", metric: "backlog", threshold: 5 })
      assert.strictEqual(yield* alerts.removeRule("mine"), "removed")
      assert.strictEqual((yield* Effect.flip(alerts.removeRule("mine"))).reason._tag, "RuleNotFound")
    })
  )

  it.effect("that cannot be read are passed over, and the others hold", () =>
    Effect.gen(function* () {
      const one = yield* world({ name: "any", metric: "backlog", threshold: 1, forMs: 0 })
      yield* one.store.documents.put("alert-rule", "torn", '{"rule":{"name":"torn"', { now: start })
      yield* one.store.documents.put("alert-silence", "torn", "null", { now: start })
      yield* one.queue.enqueue(Mail, undefined)
      yield* lookFor(one, "15 seconds")
      assert.strictEqual(one.lines.length, 1)
    })
  )
})

describe("silences", () => {
  it.effect("hold for their time, can be ended, and are gone a day later", () =>
    Effect.gen(function* () {
      const one = yield* world({ name: "any", metric: "backlog", threshold: 1, forMs: 0 })
      const silence = yield* one.alerts.silence({
        rule: "an*",
        subject: "*",
        forMs: 3_600_000,
        by: "me",
        why: "deploy"
      })
      yield* one.queue.enqueue(Mail, undefined)
      yield* lookFor(one, "1 minute")
      assert.deepStrictEqual(one.lines, [])
      assert.strictEqual((yield* one.alerts.overview).alerts[0]?.silencedBy?.why, "deploy")
      yield* one.alerts.endSilence(silence.id)
      yield* lookFor(one, "15 seconds")
      assert.strictEqual(one.lines.length, 1)
      assert.strictEqual((yield* Effect.flip(one.alerts.endSilence(silence.id))).reason._tag, "SilenceNotFound")
      yield* one.alerts.silence({ rule: "*", subject: "*", forMs: minute, by: "me", why: "" })
      yield* TestClock.adjust("25 hours")
      yield* one.alerts.look("one")
      assert.deepStrictEqual(yield* one.store.documents.all("alert-silence"), [])
    })
  )
})
