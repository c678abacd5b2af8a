import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Layer, PubSub, Schema } from "effect"
import { TestClock } from "effect/testing"
import { type QueueEvent, Task } from "../../../src/services/Queue/index.ts"
import type { JobId, JobState } from "../../../src/services/Queue/Job.ts"
import type { Fate } from "../../support/queue/FaultyStore.ts"
import { startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"

const Work = Task.make("work", { payload: Schema.Int, success: Schema.String, group: "network" })
const Stubborn = Task.make("stubborn", { payload: Schema.Void, group: "network" })

interface Run {
  readonly node: string
  readonly at: number
  readonly end: "done" | "interrupted"
  readonly endAt: number
}

/** Handlers that take as many milliseconds as their payload says, and write down how they ended. */
const handlers = (node: string, runs: Array<Run>) =>
  Layer.mergeAll(
    Work.toLayer((ms) =>
      Effect.gen(function* () {
        const at = yield* Clock.currentTimeMillis
        const note = (end: Run["end"]) =>
          Effect.map(Clock.currentTimeMillis, (endAt) => void runs.push({ node, at, end, endAt }))
        yield* Effect.sleep(ms).pipe(Effect.onInterrupt(() => note("interrupted")))
        yield* note("done")
        return node
      })
    ),
    Stubborn.toLayer(() => Effect.uninterruptible(Effect.sleep("10 minutes")))
  )

const lease = Duration.seconds(30)
const seconds = (count: number) => count * 1000

describe("a lost lease", () => {
  it.effect("a worker that was stopped beyond its lease interrupts its handlers, settles nothing and joins again", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const runs: Array<Run> = []
      const accepted: Array<string> = []
      const node = (name: string) =>
        startNode({
          store,
          handlers: handlers(name, runs),
          accepted: ({ attempt, outcome }) => void accepted.push(`${name} ${attempt} ${outcome}`)
        })
      const a = yield* node("a")
      const job = yield* a.queue.enqueue(Work, seconds(20))
      yield* TestClock.adjust("1 second")
      const b = yield* node("b")
      const before = (yield* a.worker.status).session
      a.freeze()
      // L + R, and the work of the other worker.
      yield* TestClock.adjust("70 seconds")
      assert.deepStrictEqual(accepted, ["b 2 completed"])
      a.thaw()
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(accepted, ["b 2 completed"])
      assert.strictEqual(yield* b.queue.job(Work, job.id).await, "b")
      const { running, session } = yield* a.worker.status
      assert.isAbove(session, before)
      assert.deepStrictEqual(running, [])
      yield* b.stop
      assert.strictEqual((yield* a.queue.enqueue(Work, 10)).outcome, "created")
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(accepted.at(-1), "a 1 completed")
    }).pipe(Effect.scoped)
  )

  it.effect("a clock that is set by an hour, forward and back, loses no attempt and runs none twice", () =>
    Effect.gen(function* () {
      // Wherever between two beats and two sweeps it comes; for all processes, or for one that is wrong about the time.
      for (const jumpAt of [13, 16, 19, 22, 25]) {
        for (const [byHours, wrong] of [
          [1, 3],
          [-1, 3],
          [1, 1],
          [-1, 1]
        ] as const) {
          const store = yield* sharedMemory
          const runs: Array<Run> = []
          const nodes = yield* Effect.forEach(["a", "b", "c"], (name) =>
            startNode({ store, handlers: handlers(name, runs), worker: { slots: { network: 1 } } })
          )
          const jobs = yield* nodes[0]!.queue.enqueueMany(Work, [seconds(40), seconds(40), seconds(5), seconds(5)])
          yield* TestClock.adjust(seconds(jumpAt))
          for (const { skew } of nodes.slice(0, wrong)) skew(seconds(3600) * byHours)
          for (let passed = 0; passed < 20; passed += 2) yield* TestClock.adjust("2 seconds")
          for (const { skew } of nodes) skew(0)
          for (let passed = 0; passed < 40; passed += 2) yield* TestClock.adjust("2 seconds")
          assert.deepStrictEqual(
            runs.map(({ end }) => end),
            ["done", "done", "done", "done"],
            `${byHours} h after ${jumpAt} s for ${wrong}`
          )
          for (const { id } of jobs) {
            const { attempt, state } = yield* nodes[0]!.queue.get(id)
            assert.deepStrictEqual([state, attempt], ["completed", 1])
          }
          for (const { stop } of nodes) yield* stop
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("a worker that stood still goes on with the jobs that nobody took: no handler is interrupted", () =>
    Effect.gen(function* () {
      // Wherever between two beats it stops, and for however long.
      for (const stopAt of [1, 9.9, 10, 10.5, 23]) {
        for (const forSeconds of [22, 29, 31, 35, 3600]) {
          const store = yield* sharedMemory
          const runs: Array<Run> = []
          const node = yield* startNode({ store, handlers: handlers("a", runs) })
          const job = yield* node.queue.enqueue(Work, seconds(40))
          yield* TestClock.adjust(seconds(stopAt))
          node.freeze()
          yield* TestClock.adjust(seconds(forSeconds))
          node.thaw()
          // Its lease is renewed before anything else.
          yield* TestClock.adjust("1 millis")
          const later = yield* node.queue.enqueue(Work, 1)
          yield* TestClock.adjust("41 seconds")
          assert.deepStrictEqual(
            runs.map(({ end }) => end).sort(),
            ["done", "done"],
            `${forSeconds} s after ${stopAt} s`
          )
          for (const { id } of [job, later]) {
            const { attempt, session, state } = yield* node.queue.get(id)
            assert.deepStrictEqual([state, attempt, session], ["completed", 1, 1])
          }
          yield* node.stop
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("one that is stopped while its renewal is under way goes on too", () =>
    Effect.gen(function* () {
      for (const forSeconds of [12, 15, 20, 40, 600]) {
        const store = yield* sharedMemory
        const runs: Array<Run> = []
        const clock = yield* Clock.Clock
        const begun = clock.currentTimeMillisUnsafe()
        const node = yield* startNode({
          store,
          handlers: handlers("a", runs),
          // The second renewal: nothing came of it while the process stood still.
          fate: (operation) => {
            const now = clock.currentTimeMillisUnsafe() - begun
            return operation === "beat" && now >= seconds(9) && now < seconds(11) ? "hangAndRefuse" : "answer"
          }
        })
        const job = yield* node.queue.enqueue(Work, seconds(700))
        yield* TestClock.adjust("10100 millis")
        node.freeze()
        yield* TestClock.adjust(seconds(forSeconds))
        node.thaw()
        yield* TestClock.adjust("700 seconds")
        assert.deepStrictEqual(
          runs.map(({ end }) => end),
          ["done"],
          `${forSeconds} s`
        )
        assert.strictEqual((yield* node.queue.get(job.id)).attempt, 1)
        yield* node.stop
      }
    }).pipe(Effect.scoped)
  )

  it.effect("of jobs that were taken while it stood still it stops the handlers, and goes on with the others", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const runs: Array<Run> = []
      let taken: JobId | undefined
      const node = yield* startNode({
        store: {
          ...store,
          // As a sweeper leaves them that spared one task of the session and not the other, when one was claimed again.
          jobs: {
            ...store.jobs,
            get: (ids) =>
              Effect.map(store.jobs.get(ids), (jobs) =>
                jobs.map((job) => (job.id === taken ? { ...job, session: 2 } : job))
              )
          }
        },
        handlers: handlers("a", runs)
      })
      const [lost] = yield* node.queue.enqueueMany(Work, [seconds(100), seconds(50)])
      yield* TestClock.adjust("5 seconds")
      taken = lost!.id
      node.freeze()
      yield* TestClock.adjust("40 seconds")
      assert.deepStrictEqual(runs, [])
      node.thaw()
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(
        runs.map(({ end }) => end),
        ["interrupted"]
      )
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(
        runs.map(({ end }) => end),
        ["interrupted", "done"]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("workers that stood still together, as in a frozen container, do not take each other's jobs", () =>
    Effect.gen(function* () {
      for (const stopAt of [1, 4, 9, 14]) {
        const store = yield* sharedMemory
        const runs: Array<Run> = []
        const nodes = yield* Effect.forEach(["a", "b", "c"], (name) =>
          startNode({ store, handlers: handlers(name, runs), worker: { slots: { network: 1 } } })
        )
        yield* nodes[0]!.queue.enqueueMany(Work, [seconds(40), seconds(40), seconds(40)])
        yield* TestClock.adjust(seconds(stopAt))
        for (const { freeze } of nodes) freeze()
        yield* TestClock.adjust("10 minutes")
        for (const { thaw } of nodes) thaw()
        yield* TestClock.adjust("60 seconds")
        assert.deepStrictEqual(
          runs.map(({ end }) => end),
          ["done", "done", "done"]
        )
        for (const { stop } of nodes) yield* stop
      }
    }).pipe(Effect.scoped)
  )

  it.effect("the jobs of a dead worker run again within L + R + P + 1 s, and it is told in the events", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const runs: Array<Run> = []
      for (const name of ["a", "b", "c"]) {
        const dying = yield* startNode({ store, handlers: handlers(name, runs), worker: { slots: { network: 1 } } })
        const job = yield* dying.queue.enqueue(Work, seconds(5))
        yield* TestClock.adjust("1 second")
        const other = yield* startNode({ store, handlers: handlers(`after ${name}`, runs) })
        const subscription = yield* other.events.subscribe
        dying.kill()
        const killedAt = yield* Clock.currentTimeMillis
        yield* TestClock.adjust("45 seconds")
        const run = runs.at(-1)!
        assert.strictEqual(run.node, `after ${name}`)
        assert.isAtMost(run.at - killedAt, seconds(30 + 5 + 1 + 1))
        assert.strictEqual((yield* other.queue.get(job.id)).attempt, 2)
        const recovered = (yield* PubSub.takeUpTo(subscription, 1000)).filter(
          (event: QueueEvent) => event._tag === "Recovered"
        )
        assert.deepStrictEqual(
          recovered.map(({ ids }) => ids),
          [[job.id]]
        )
        yield* other.stop
      }
    }).pipe(Effect.scoped)
  )

  it.effect("a job that outlives all its workers is buried as WorkerLost", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const watcher = yield* startNode({ store })
      const job = yield* watcher.queue.enqueue(Work, seconds(100), { retries: 1 })
      for (let i = 0; i < 2; i++) {
        const dying = yield* startNode({ store, handlers: handlers("dying", []) })
        yield* TestClock.adjust("2 seconds")
        dying.kill()
        yield* TestClock.adjust("40 seconds")
      }
      const error = yield* Effect.flip(watcher.queue.job(Work, job.id).await)
      assert.strictEqual(error._tag, "JobFailed")
      assert.strictEqual(error._tag === "JobFailed" && error.failure.cause, "WorkerLost")
    }).pipe(Effect.scoped)
  )
})

describe("self-fencing", () => {
  /** A worker with a running job whose heartbeats meet a fate from `from` seconds on. */
  const fencedAt = (fate: Fate, from: number) =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const clock = yield* Clock.Clock
      const runs: Array<Run> = []
      const node = yield* startNode({
        store,
        handlers: handlers("a", runs),
        fate: (operation) =>
          operation === "beat" && clock.currentTimeMillisUnsafe() >= seconds(from) ? fate : "answer"
      })
      yield* node.queue.enqueue(Work, seconds(1000))
      yield* TestClock.adjust("100 seconds")
      return runs[0]!
    }).pipe(Effect.scoped)

  it.effect("handlers of a worker that cannot renew are stopped by 0.8 of the lease", () =>
    Effect.gen(function* () {
      // The last renewal that worked was at 10 s.
      const { end, endAt } = yield* fencedAt("refuse", 11)
      assert.strictEqual(end, "interrupted")
      assert.isAtLeast(endAt, seconds(10 + 22))
      assert.isAtMost(endAt, seconds(10) + 0.8 * Duration.toMillis(lease))
    })
  )

  it.effect("a heartbeat that hangs does not put it off", () =>
    Effect.gen(function* () {
      const { endAt } = yield* fencedAt("hangAndRefuse", 11)
      assert.isAtMost(endAt, seconds(10) + 0.8 * Duration.toMillis(lease))
    })
  )

  it.effect("one that stood still asks once more, as long as for any renewal, then stops its handlers", () =>
    Effect.gen(function* () {
      for (const fate of ["refuse", "hangAndRefuse"] as const) {
        const store = yield* sharedMemory
        const runs: Array<Run> = []
        let down = false
        const node = yield* startNode({
          store,
          handlers: handlers("a", runs),
          fate: (operation) => (operation === "beat" && down ? fate : "answer")
        })
        yield* node.queue.enqueue(Work, seconds(1000))
        yield* TestClock.adjust("12 seconds")
        down = true
        node.freeze()
        yield* TestClock.adjust("60 seconds")
        node.thaw()
        yield* TestClock.adjust("9 seconds")
        assert.deepStrictEqual(runs, [])
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(runs[0]?.end, "interrupted")
        yield* node.stop
      }
    }).pipe(Effect.scoped)
  )

  it.effect("after joining again the lease counts from the join", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const clock = yield* Clock.Clock
      const runs: Array<Run> = []
      let broken = false
      let joinedAt = 0
      const node = yield* startNode({
        store,
        handlers: handlers("a", runs),
        fate: (operation) => {
          if (operation === "join") joinedAt = clock.currentTimeMillisUnsafe()
          return operation === "beat" && broken ? "refuse" : "answer"
        }
      })
      yield* TestClock.adjust("3 seconds")
      node.freeze()
      yield* TestClock.adjust("60 seconds")
      const now = yield* Clock.currentTimeMillis
      assert.deepStrictEqual((yield* store.workers.sweep({ now, limit: 10 })).sessions, [1])
      node.thaw()
      yield* TestClock.adjust("1 second")
      assert.isAtLeast(joinedAt, seconds(60))
      broken = true
      yield* node.queue.enqueue(Work, seconds(1000))
      yield* TestClock.adjust("40 seconds")
      assert.strictEqual(runs[0]?.end, "interrupted")
      assert.isAtMost(runs[0]!.endAt - joinedAt, 0.8 * Duration.toMillis(lease))
    }).pipe(Effect.scoped)
  )

  it.effect(
    "jobs claimed in a turn whose answer was lost are handed back, also when looking for them fails at first",
    () =>
      Effect.gen(function* () {
        const store = yield* sharedMemory
        const runs: Array<Run> = []
        const faults: Array<readonly [string, Fate]> = []
        const node = yield* startNode({
          store,
          handlers: handlers("a", runs),
          fate: (operation) => {
            if (operation !== faults[0]?.[0]) return "answer"
            return faults.shift()![1]
          }
        })
        yield* TestClock.adjust("500 millis")
        const other = yield* startNode({ store })
        yield* TestClock.adjust("1 millis")
        faults.push(["turn", "lose"], ["list", "refuse"], ["list", "refuse"])
        const job = yield* other.queue.enqueue(Work, 10)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual((yield* other.queue.get(job.id)).state, "running")
        assert.deepStrictEqual((yield* node.worker.status).running, [])
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(faults, [])
        const { attempt, state } = yield* other.queue.get(job.id)
        assert.deepStrictEqual([state, attempt, runs.length], ["completed", 1, 1])
      }).pipe(Effect.scoped)
  )

  it.effect("claims resume within 10 s after the store comes back, without a restart", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const runs: Array<Run> = []
      let down = false
      const node = yield* startNode({ store, handlers: handlers("a", runs), fate: () => (down ? "refuse" : "answer") })
      const other = yield* startNode({ store })
      yield* TestClock.adjust("1 second")
      down = true
      yield* other.queue.enqueue(Work, 10)
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(runs, [])
      down = false
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(runs.length, 1)
      assert.strictEqual((yield* node.worker.status).state, "running")
    }).pipe(Effect.scoped)
  )

  it.effect("an answer for a session that was given up starts nothing and fences nobody", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const runs: Array<Run> = []
      let joins = 0
      let hanging = false
      // Turns and beats hang; the turn takes effect first, and its answer, with a job in it, comes after the worker has
      // joined anew.
      const node = yield* startNode({
        store: {
          ...store,
          jobs: {
            ...store.jobs,
            turnSync: undefined,
            turn: (turn) =>
              Effect.tap(store.jobs.turn(turn), () => (hanging ? Effect.sleep("28 seconds") : Effect.void))
          },
          workers: {
            ...store.workers,
            beat: (session, beat) => (hanging && session === 1 ? Effect.never : store.workers.beat(session, beat))
          }
        },
        handlers: handlers("a", runs),
        fate: (operation) => {
          if (operation === "join") joins++
          return "answer"
        }
      })
      yield* TestClock.adjust("1 second")
      hanging = true
      yield* Effect.forkChild(node.queue.enqueue(Work, seconds(100)))
      yield* TestClock.adjust("27 seconds")
      hanging = false
      yield* TestClock.adjust("1500 millis")
      assert.strictEqual(joins, 2)
      assert.strictEqual((yield* node.worker.status).session, 2)
      assert.deepStrictEqual((yield* node.worker.status).running, [])
      // The job is that of the session that ended: the sweeper brings it back, once.
      yield* TestClock.adjust("3 minutes")
      assert.deepStrictEqual(
        runs.map(({ end }) => end),
        ["done"]
      )
    }).pipe(Effect.scoped)
  )
})

describe("a graceful stop", () => {
  it.effect("lets running jobs finish within the grace period, even one longer than the lease", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const runs: Array<Run> = []
      const settings = { lease: Duration.seconds(3), sweepInterval: Duration.seconds(1) }
      const a = yield* startNode({ store, handlers: handlers("a", runs), settings })
      const b = yield* startNode({ store, handlers: handlers("b", runs), settings, worker: { slots: { "*": 0 } } })
      const job = yield* a.queue.enqueue(Work, seconds(9))
      yield* TestClock.adjust("1 second")
      const stopping = yield* Effect.forkChild(a.stop)
      yield* b.worker.setSlots("network", 5)
      yield* TestClock.adjust("12 seconds")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(
        runs.map(({ end, node }) => [node, end]),
        [["a", "done"]]
      )
      assert.strictEqual((yield* b.queue.get(job.id)).state, "completed")
    }).pipe(Effect.scoped)
  )

  it.effect("hands back what is left, unspent, within grace + 2 s, also of a handler that cannot be interrupted", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const runs: Array<Run> = []
      const a = yield* startNode({ store, handlers: handlers("a", runs) })
      const b = yield* startNode({ store })
      const long = yield* a.queue.enqueue(Work, seconds(100))
      const stubborn = yield* a.queue.enqueue(Stubborn, undefined)
      yield* TestClock.adjust("1 second")
      const waiting = yield* a.queue.enqueue(Work, 1, { in: "1 hour" })
      let stoppedAt = 0
      yield* Effect.forkChild(
        Effect.andThen(
          a.stop,
          Effect.map(Clock.currentTimeMillis, (now) => {
            stoppedAt = now
          })
        )
      )
      const states = () =>
        Effect.forEach([long, stubborn, waiting], ({ id }) => Effect.map(b.queue.get(id), ({ state }) => state))
      assert.deepStrictEqual(yield* states(), ["running", "running", "scheduled"] satisfies Array<JobState>)
      yield* TestClock.adjust("12 seconds")
      assert.isAtMost(stoppedAt, seconds(1 + 10 + 2))
      assert.isAbove(stoppedAt, seconds(10))
      assert.deepStrictEqual(yield* states(), ["pending", "pending", "scheduled"] satisfies Array<JobState>)
      assert.strictEqual((yield* b.queue.get(long.id)).attempt, 0)
      assert.deepStrictEqual(yield* b.queue.workers.pipe(Effect.map((workers) => workers.length)), 1)
    }).pipe(Effect.scoped)
  )

  it.effect("tells handlers to finish as it begins", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const Polite = Task.make("polite", { payload: Schema.Void, success: Schema.String, softLimit: "5 seconds" })
      const a = yield* startNode({
        store,
        handlers: Polite.toLayer((_, job) =>
          job.softLimit.pipe(
            Effect.andThen(Effect.sleep("8 seconds")),
            Effect.andThen(Effect.sync(() => `told, aborted: ${job.signal.aborted}`))
          )
        )
      })
      const job = yield* a.queue.enqueue(Polite, undefined)
      yield* TestClock.adjust("1 second")
      const stopping = yield* Effect.forkChild(a.stop)
      yield* TestClock.adjust("9 seconds")
      yield* Fiber.join(stopping)
      const b = yield* startNode({ store })
      assert.strictEqual(yield* b.queue.job(Polite, job.id).await, "told, aborted: true")
    }).pipe(Effect.scoped)
  )

  it.effect("claims nothing more from the moment it begins", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const runs: Array<Run> = []
      const a = yield* startNode({ store, handlers: handlers("a", runs) })
      const b = yield* startNode({ store })
      yield* a.queue.enqueue(Work, seconds(5))
      yield* TestClock.adjust("1 second")
      const stopping = yield* Effect.forkChild(a.stop)
      yield* TestClock.adjust("1 second")
      const late = yield* b.queue.enqueue(Work, 1)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(stopping)
      assert.strictEqual((yield* b.queue.get(late.id)).state, "pending")
      assert.strictEqual(runs.length, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("hurry hands back at once", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const a = yield* startNode({ store, handlers: handlers("a", []) })
      const b = yield* startNode({ store })
      const job = yield* a.queue.enqueue(Work, seconds(100))
      yield* TestClock.adjust("1 second")
      yield* a.worker.hurry
      yield* a.stop
      const { attempt, state } = yield* b.queue.get(job.id)
      assert.deepStrictEqual([state, attempt], ["pending", 0])
    }).pipe(Effect.scoped)
  )
})

describe("draining", () => {
  it.effect("a worker an operator drains finishes what it runs, leaves, and says so", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const runs: Array<Run> = []
      const a = yield* startNode({ store, handlers: handlers("a", runs), worker: { name: "a" } })
      const operator = yield* startNode({ store, worker: { name: "operator" } })
      yield* a.queue.enqueue(Work, seconds(20))
      yield* TestClock.adjust("1 second")
      const drained = yield* Effect.forkChild(a.worker.awaitDrained)
      const { session } = yield* a.worker.status
      assert.isTrue(yield* operator.queue.drainWorker(session))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* a.worker.status).state, "draining")
      const late = yield* a.queue.enqueue(Work, 1)
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(drained)
      assert.deepStrictEqual(
        runs.map(({ end }) => end),
        ["done"]
      )
      assert.deepStrictEqual(
        (yield* operator.queue.workers).map(({ name }) => name),
        ["operator"]
      )
      assert.strictEqual((yield* operator.queue.get(late.id)).state, "pending")
      assert.isFalse(yield* operator.queue.drainWorker(session))
    }).pipe(Effect.scoped)
  )

  it.effect("leaves while its process goes on enqueueing", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const slow = {
        ...store,
        turnSync: undefined,
        turn: (turn: Parameters<typeof store.jobs.turn>[0]) => Effect.delay(store.jobs.turn(turn), "5 millis")
      }
      const a = yield* startNode({ store: slow, handlers: handlers("a", []) })
      // Something is always gathered while a turn is in flight.
      const produce = Effect.forkChild(a.queue.enqueue(Work, 1, { in: "1 hour" }))
      yield* Effect.forkChild(Effect.forever(Effect.andThen(produce, Effect.sleep("1 millis"))))
      yield* TestClock.adjust("1 second")
      const drained = yield* Effect.forkChild(a.worker.drain)
      yield* TestClock.adjust("1 second")
      assert.isDefined(drained.pollUnsafe())
    }).pipe(Effect.scoped)
  )
})

describe("broken notifications", () => {
  it.effect("an enqueue into an idle queue starts within P + 0.2 s, also in a group nobody knew", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const runs: Array<Run> = []
      yield* startNode({ store, handlers: handlers("a", runs), deaf: true })
      const b = yield* startNode({ store })
      for (const group of ["network", "never-seen"]) {
        yield* TestClock.adjust("3300 millis")
        const job = yield* b.queue.enqueue(Work, 1, { group })
        yield* TestClock.adjust("1200 millis")
        assert.strictEqual((yield* b.queue.get(job.id)).state, "completed", group)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("a cancellation reaches the handler within 2 s, a new limit the worker within P", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const runs: Array<Run> = []
      yield* startNode({ store, handlers: handlers("a", runs), deaf: true })
      const b = yield* startNode({ store })
      const job = yield* b.queue.enqueue(Work, seconds(100))
      yield* TestClock.adjust("3 seconds")
      yield* b.queue.cancel(job.id)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(
        runs.map(({ end }) => end),
        ["interrupted"]
      )
      assert.strictEqual((yield* b.queue.get(job.id)).state, "cancelled")
      yield* b.queue.setLimit("network", 20)
      yield* b.queue.enqueueMany(
        Work,
        Array.from({ length: 20 }, () => seconds(10))
      )
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* b.queue.count({ states: ["running"] })).count, 20)
    }).pipe(Effect.scoped)
  )
})
