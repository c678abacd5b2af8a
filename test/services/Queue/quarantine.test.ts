import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Task } from "../../../src/services/Queue/index.ts"
import { patienceMs } from "../../../src/services/Queue/run/Quarantine.ts"
import { startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"

const Work = Task.make("work", { payload: Schema.Struct({ name: Schema.String, ms: Schema.Int }), group: "network" })
const Other = Task.make("other", { payload: Work.payload, group: "filesystem" })
const Third = Task.make("third", { payload: Work.payload, group: "computation" })
const groups = ["network", "filesystem", "computation"]

interface Run {
  readonly name: string
  readonly attempt: number
  readonly from: number
  /** What ran when it began. */
  readonly beside: ReadonlyArray<string>
}

/** Handlers that take as long as they are told, and write down beside what they began. */
const noted = (runs: Array<Run>) => {
  const running = new Set<string>()
  const handler = ({ ms, name }: { readonly name: string; readonly ms: number }, job: { readonly attempt: number }) =>
    Effect.gen(function* () {
      const from = yield* Clock.currentTimeMillis
      runs.push({ name, attempt: job.attempt, from, beside: [...running] })
      running.add(name)
      yield* Effect.ensuring(
        Effect.sleep(ms),
        Effect.sync(() => running.delete(name))
      )
    })
  return Layer.mergeAll(Work.toLayer(handler), Other.toLayer(handler), Third.toLayer(handler))
}

type Store = Effect.Success<typeof sharedMemory>

/** Lets workers die with all that waits in the store, this many times. */
const lose = (store: Store, times: number) =>
  Effect.gen(function* () {
    for (let i = 0; i < times; i++) {
      const now = yield* Clock.currentTimeMillis
      const session = yield* store.workers.join(
        { name: "dying", host: "host", pid: 1, version: "1.0.0", slots: {}, tasks: ["work", "other", "third"] },
        { now, leaseMs: 1000 }
      )
      const claim = groups.map((group) => ({ group, limit: 100 }))
      const none = { settle: [], enqueue: [], batches: undefined, progress: [], logs: [] }
      yield* store.jobs.turn({ now, session, claim, ...none })
      yield* store.workers.leave(session, now)
    }
  })

const attempts = (runs: ReadonlyArray<Run>) => Object.fromEntries(runs.map(({ attempt, name }) => [name, attempt]))

describe("a job that was lost twice with its worker", () => {
  it.effect(
    "runs alone: what came with it is handed back unspent, nothing is claimed meanwhile, then all goes on",
    () =>
      Effect.gen(function* () {
        const store = yield* sharedMemory
        const producer = yield* startNode({ store })
        yield* producer.queue.enqueue(Work, { name: "suspect", ms: 5000 })
        yield* lose(store, 2)
        for (const name of ["a", "b"]) yield* producer.queue.enqueue(Work, { name, ms: 1000 })
        yield* producer.queue.enqueue(Other, { name: "c", ms: 1000 })
        const runs: Array<Run> = []
        const node = yield* startNode({ store, handlers: noted(runs) })
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(
          runs.map(({ name }) => name),
          ["suspect"]
        )
        yield* node.queue.enqueue(Work, { name: "d", ms: 1000 })
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* store.jobs.count({ states: ["running"] }), { count: 1, exact: true })
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(attempts(runs), { suspect: 3, a: 1, b: 1, c: 1, d: 1 })
        const [first, ...others] = runs
        for (const { from, name } of others) assert.isAtLeast(from - first!.from, 5000, name)
        assert.isTrue(
          others.some(({ beside }) => beside.length > 0),
          "side by side again"
        )
        assert.deepStrictEqual(yield* store.jobs.count({ states: ["completed"] }), { count: 5, exact: true })
      }).pipe(Effect.scoped)
  )

  it.effect("waits, unspent, until what runs has ended; meanwhile nothing is claimed", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const producer = yield* startNode({ store })
      const suspect = yield* producer.queue.enqueue(Other, { name: "suspect", ms: 3000 })
      yield* lose(store, 2)
      yield* store.jobs.setGroup("filesystem", { paused: true })
      const runs: Array<Run> = []
      const node = yield* startNode({ store, handlers: noted(runs) })
      yield* node.queue.enqueue(Work, { name: "long", ms: 10_000 })
      yield* TestClock.adjust("1 second")
      yield* store.jobs.setGroup("filesystem", { paused: false })
      yield* TestClock.adjust("1 second")
      const late = yield* node.queue.enqueue(Work, { name: "late", ms: 1000 })
      yield* TestClock.adjust("6 seconds")
      const waiting = yield* store.jobs.get([suspect.id, late.id])
      assert.deepStrictEqual(
        waiting.map(({ attempt, state }) => [state, attempt]),
        [
          ["pending", 2],
          ["pending", 0]
        ]
      )
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(
        runs.map(({ attempt, beside, name }) => [name, attempt, beside]),
        [
          ["long", 1, []],
          ["suspect", 3, []],
          ["late", 1, []]
        ]
      )
      assert.isAtLeast(runs[2]!.from - runs[1]!.from, 3000)
    }).pipe(Effect.scoped)
  )

  it.effect("waits 30 s at most: then claims go on, it runs in company, and the next one alone again", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const producer = yield* startNode({ store })
      yield* producer.queue.enqueue(Other, { name: "suspect", ms: 3000 })
      yield* producer.queue.enqueue(Third, { name: "next", ms: 3000 })
      yield* lose(store, 2)
      for (const group of ["filesystem", "computation"]) yield* store.jobs.setGroup(group, { paused: true })
      const runs: Array<Run> = []
      const node = yield* startNode({ store, handlers: noted(runs) })
      yield* node.queue.enqueue(Work, { name: "long", ms: 100_000 })
      yield* TestClock.adjust("1 second")
      yield* store.jobs.setGroup("filesystem", { paused: false })
      yield* TestClock.adjust("1 second")
      yield* node.queue.enqueue(Work, { name: "late", ms: 1000 })
      yield* TestClock.adjust(patienceMs - 3000)
      assert.deepStrictEqual(attempts(runs), { long: 1 })
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(attempts(runs), { long: 1, suspect: 3, late: 1 })
      assert.include(runs.find(({ name }) => name === "suspect")!.beside, "long")
      yield* TestClock.adjust("80 seconds")
      yield* node.queue.enqueue(Work, { name: "short", ms: 5000 })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(runs.at(-1)!.name, "short")
      yield* store.jobs.setGroup("computation", { paused: false })
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual([runs.at(-1)!.name, runs.at(-1)!.beside], ["next", []])
      assert.deepStrictEqual(yield* store.jobs.count({ states: ["completed"] }), { count: 5, exact: true })
    }).pipe(Effect.scoped)
  )

  it.effect("begins when all else is stored: what it takes down is itself alone", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const producer = yield* startNode({ store })
      const suspect = yield* producer.queue.enqueue(Work, { name: "suspect", ms: 0 })
      yield* lose(store, 2)
      const others = yield* Effect.forEach(["a", "b", "c"], (name) =>
        producer.queue.enqueue(name === "c" ? Other : Work, { name, ms: 0 })
      )
      const started: Array<string> = []
      const handler = ({ name }: { readonly name: string }) =>
        Effect.sync(() => {
          started.push(name)
          if (name === "suspect") node.kill()
        })
      const node = yield* startNode({
        store,
        asynchronous: true,
        handlers: Layer.mergeAll(Work.toLayer(handler), Other.toLayer(handler))
      })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(started, ["suspect"])
      const found = yield* store.jobs.get([suspect.id, ...others.map(({ id }) => id)])
      assert.deepStrictEqual(
        found.map(({ attempt, state }) => [state, attempt]),
        [
          ["running", 3],
          ["pending", 0],
          ["pending", 0],
          ["pending", 0]
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("is handed back when its worker stops before it began", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const producer = yield* startNode({ store })
      const suspect = yield* producer.queue.enqueue(Work, { name: "suspect", ms: 1000 })
      yield* lose(store, 2)
      const runs: Array<Run> = []
      let claimed = false
      const node = yield* startNode({
        store,
        asynchronous: true,
        handlers: noted(runs),
        // The store hangs from the claim on, so that what was to land before its start does not.
        fate: (operation) => (claimed && operation === "turn" ? "refuse" : "answer"),
        observed: (_turn, { jobs }) => {
          if (jobs.length > 0) claimed = true
        }
      })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([claimed, runs.length], [true, 0])
      const stopping = yield* Effect.forkChild(node.stop)
      yield* TestClock.adjust(10)
      claimed = false
      yield* TestClock.adjust("15 seconds")
      yield* Fiber.join(stopping)
      const [job] = yield* store.jobs.get([suspect.id])
      assert.deepStrictEqual([job!.state, job!.attempt, runs.length], ["pending", 2, 0])
    }).pipe(Effect.scoped)
  )
})

describe("a job that was lost once with its worker", () => {
  it.effect("runs beside others as if nothing had happened", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const producer = yield* startNode({ store })
      for (const name of ["a", "b", "c"]) yield* producer.queue.enqueue(Work, { name, ms: 1000 })
      yield* lose(store, 1)
      const runs: Array<Run> = []
      yield* startNode({ store, handlers: noted(runs) })
      yield* TestClock.adjust("500 millis")
      assert.deepStrictEqual(attempts(runs), { a: 2, b: 2, c: 2 })
      assert.deepStrictEqual(runs[2]!.beside, ["a", "b"])
    }).pipe(Effect.scoped)
  )
})
