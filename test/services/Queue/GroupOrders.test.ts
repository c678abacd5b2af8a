import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, type Scope } from "effect"
import { TestClock } from "effect/testing"
import {
  EnqueueError,
  type JobId,
  type JobRecord,
  Order,
  ResourceGroup,
  Task
} from "../../../src/services/Queue/index.ts"
import { type QueueNode, type QueueNodeOptions, startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"
import { makeSqliteFile } from "../../support/queue/SqliteFile.ts"

const lane = ResourceGroup.make("lane", 1)
const urgent = ResourceGroup.make("urgent", 1, { order: "deadline", bound: "10 minutes" })

const options = { payload: Schema.String, group: lane, retry: "none" } as const
const Short = Task.make("short", options)
const Long = Task.make("long", options)
const New = Task.make("new", options)
const Flaky = Task.make("flaky", { ...options, group: urgent, retry: { times: 1 } })
const Wanted = Task.make("wanted", { ...options, group: urgent, deadlineIn: "2 minutes" })

const started: Array<string> = []
const taking = (ms: number) => (name: string) => {
  started.push(name)
  return Effect.sleep(ms)
}
const handlers = Layer.mergeAll(
  Short.toLayer(taking(100)),
  Long.toLayer(taking(30_000)),
  New.toLayer(taking(1_000)),
  Wanted.toLayer(taking(1_000)),
  Flaky.toLayer(() => Effect.die("no luck"))
)

const nodes = (
  name: string,
  body: (
    start: (options?: Partial<QueueNodeOptions>) => Effect.Effect<QueueNode, unknown, Scope.Scope>
  ) => Effect.Effect<void, unknown, Scope.Scope>,
  on: "memory" | "sqlite" = "memory"
) =>
  it.effect(name, () =>
    Effect.scoped(
      Effect.gen(function* () {
        started.length = 0
        const file = on === "sqlite" ? makeSqliteFile() : undefined
        if (file !== undefined) yield* Effect.addFinalizer(() => file.close)
        const memory = file === undefined ? yield* sharedMemory : undefined
        const running: Array<QueueNode> = []
        yield* body((more) =>
          Effect.gen(function* () {
            const node = yield* startNode({
              store: memory ?? (yield* file!.open),
              handlers,
              worker: { slots: { lane: 1, urgent: 1 } },
              ...more
            })
            yield* TestClock.adjust("1 millis")
            running.push(node)
            return node
          }).pipe(Effect.orDie)
        )
        for (const node of running) node.kill()
      })
    )
  )

const liveJobs = (node: QueueNode, group: string): Effect.Effect<ReadonlyArray<JobRecord>, unknown> =>
  Effect.gen(function* () {
    const jobs: Array<JobRecord> = []
    let cursor: JobId | undefined
    do {
      const page: { jobs: ReadonlyArray<JobRecord>; next: JobId | undefined } = yield* node.queue.list(
        { groups: [group], states: ["scheduled", "pending", "running"] },
        { limit: 1_000, order: "oldest", ...(cursor === undefined ? {} : { cursor }) }
      )
      jobs.push(...page.jobs)
      cursor = page.next
    } while (cursor !== undefined)
    return jobs
  })

const ranking = (order: Order.OrderName, boundMs: number): Order.Ranking => ({ order, boundMs, runs: new Map() })

const hasRankOf = (by: Order.Ranking) => (job: JobRecord) =>
  job.rank === Order.rankBy(by, job.task, job.due, job.priority, job.extra?.deadline)

describe("the order of a group", () => {
  nodes("is by priority where nobody chose one", (start) =>
    Effect.gen(function* () {
      const { orders, queue } = yield* start()
      assert.deepInclude(yield* orders.get("lane"), { order: "priority", boundMs: 270_000, from: "default" })
      yield* queue.pause("lane")
      yield* queue.enqueue(Short, "later", { priority: 9 })
      yield* queue.enqueue(Short, "sooner", { priority: 1 })
      yield* queue.resume("lane")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(started, ["sooner", "later"])
    })
  )

  nodes("first come, first served: nothing is passed", (start) =>
    Effect.gen(function* () {
      const { queue } = yield* start()
      yield* queue.pause("lane")
      yield* queue.enqueue(Short, "first", { priority: 10 })
      yield* TestClock.adjust("1 millis")
      yield* queue.enqueue(Short, "second", { priority: 1, deadlineIn: 0 })
      yield* queue.setOrder("lane", { order: "fifo" })
      yield* queue.resume("lane")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(started, ["first", "second"])
    })
  )

  nodes(
    "as a group declares it holds from the first enqueue on; an operator's choice goes before it, also in a new process",
    (start) =>
      Effect.gen(function* () {
        const first = yield* start()
        yield* first.queue.pause("urgent")
        yield* first.queue.enqueue(Wanted, "in an hour", { deadlineIn: "1 hour" })
        yield* first.queue.enqueue(Wanted, "as its task says")
        yield* first.queue.enqueue(Wanted, "in a minute", { deadlineIn: "1 minute" })
        assert.isTrue((yield* liveJobs(first, "urgent")).every(hasRankOf(ranking("deadline", 600_000))))
        yield* first.queue.resume("urgent")
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(started, ["in a minute", "as its task says", "in an hour"])
        assert.deepInclude(yield* first.orders.get("urgent"), { order: "deadline", boundMs: 600_000, from: "declared" })

        yield* first.queue.setOrder("urgent", { order: "fifo" })
        const second = yield* start()
        const handle = yield* second.queue.enqueue(Wanted, "now", { priority: 1, in: "1 hour" })
        assert.isTrue(hasRankOf(ranking("fifo", 0))(yield* handle.status))
        assert.deepInclude(yield* second.orders.get("urgent"), { order: "fifo", from: "operator" })
        assert.deepInclude(yield* second.queue.setOrder("urgent", null), { order: "deadline", from: "declared" })
      })
  )

  nodes("shortest first goes by runs that were seen; a task nobody has seen run stands in the middle", (start) =>
    Effect.gen(function* () {
      const { orders, queue } = yield* start()
      yield* queue.setOrder("lane", { order: "shortest" })
      yield* queue.enqueueMany(Long, ["learn"])
      yield* queue.enqueueMany(Short, ["learn", "learn"])
      yield* TestClock.adjust("5 minutes")
      const runs = orders.rankings().groups.get("lane")!.runs
      assert.strictEqual(runs.get("long")!.ms, 30_000)
      assert.strictEqual(runs.get("short")!.ms, 100)
      started.length = 0
      yield* queue.pause("lane")
      yield* queue.enqueue(Long, "long", { priority: 1 })
      yield* queue.enqueue(New, "not known", { priority: 5 })
      yield* queue.enqueue(Short, "short", { priority: 10 })
      yield* queue.resume("lane")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(started, ["short", "not known", "long"])
    })
  )

  nodes("a retry is ranked by it at its new time, with the deadline it had", (start) =>
    Effect.gen(function* () {
      const { queue } = yield* start()
      const handle = yield* queue.enqueue(Flaky, "x", { deadlineIn: "5 minutes" })
      yield* TestClock.adjust("10 millis")
      const job = yield* handle.status
      assert.deepStrictEqual([job.state, job.attempt], ["scheduled", 1])
      assert.isAbove(job.due, job.enqueuedAt)
      assert.isTrue(hasRankOf(ranking("deadline", 600_000))(job))
    })
  )

  nodes(
    "what waits is ranked anew in pages: interrupted anywhere, among new jobs, none is lost, doubled or left behind",
    (start) =>
      Effect.gen(function* () {
        const node = yield* start()
        const { orders, queue } = node
        yield* queue.pause("lane")
        const payloads = Array.from({ length: 2_300 }, (_, i) => String(i))
        for (const part of [payloads.slice(0, 1_200), payloads.slice(1_200)])
          yield* queue.enqueueMany(Short, part, { priority: 10 })
        const before = yield* liveJobs(node, "lane")
        yield* orders.set("lane", { order: "fifo" })
        const one = yield* orders.rankWaiting("lane")
        assert.deepStrictEqual([one.ranked, one.more], [1_000, true])
        // Whoever changed the order is gone by now. New jobs come; a worker goes on.
        yield* queue.enqueueMany(Short, ["new", "new"], { priority: 10 })
        yield* queue.enqueue(Short, "later", { priority: 3, in: "1 hour" })
        assert.isTrue((yield* orders.get("lane")).isChanging)
        yield* TestClock.adjust("20 seconds")
        const jobs = yield* liveJobs(node, "lane")
        assert.strictEqual(jobs.length, before.length + 3)
        assert.deepStrictEqual(
          jobs.slice(0, before.length),
          before.map((job) => ({ ...job, rank: job.due }))
        )
        assert.isTrue(jobs.every(hasRankOf(ranking("fifo", 0))))
        assert.isFalse((yield* orders.get("lane")).isChanging)
      })
  )

  nodes(
    "other processes follow within 5 s without being told, and what they ranked meanwhile is ranked anew",
    (start) =>
      Effect.gen(function* () {
        const operator = yield* start({ handlers: Layer.empty })
        const deaf = yield* start({ deaf: true })
        yield* deaf.queue.pause("lane")
        yield* deaf.queue.enqueue(Short, "before", { priority: 8 })
        yield* operator.queue.setOrder("lane", { order: "fifo" })
        const late = yield* deaf.queue.enqueue(Short, "late", { priority: 8 })
        assert.isTrue(hasRankOf(ranking("priority", 270_000))(yield* late.status), "it has not heard of it")
        yield* TestClock.adjust("5100 millis")
        const after = yield* deaf.queue.enqueue(Short, "after", { priority: 8 })
        assert.isTrue(hasRankOf(ranking("fifo", 0))(yield* after.status))
        yield* TestClock.adjust("11 seconds")
        assert.isTrue((yield* liveJobs(deaf, "lane")).every(hasRankOf(ranking("fifo", 0))))
        assert.isFalse((yield* operator.orders.get("lane")).isChanging)
      }),
    "sqlite"
  )

  nodes(
    "two who change it at once: one order is left, and every job is ranked by it",
    (start) =>
      Effect.gen(function* () {
        const a = yield* start()
        const b = yield* start()
        yield* a.queue.pause("lane")
        yield* a.queue.enqueueMany(Short, Array.from({ length: 1_500 }, String), { priority: 7 })
        yield* Effect.all(
          [
            a.queue.setOrder("lane", { order: "fifo" }),
            b.queue.setOrder("lane", { order: "priority", boundMs: 9_000 })
          ],
          { concurrency: 2 }
        )
        yield* TestClock.adjust("20 seconds")
        const { boundMs, order } = yield* a.orders.get("lane")
        assert.isTrue((yield* liveJobs(a, "lane")).every(hasRankOf(ranking(order, boundMs))))
        assert.deepInclude(yield* b.orders.get("lane"), { order, boundMs, isChanging: false })
      }),
    "sqlite"
  )

  nodes(
    "explains the place of a job: what starts before it, what passes it, and until when something new may",
    (start) =>
      Effect.gen(function* () {
        const { queue } = yield* start()
        yield* queue.pause("urgent")
        const patient = yield* queue.enqueue(Wanted, "patient", { deadlineIn: "5 minutes" })
        yield* TestClock.adjust("1 minute")
        const passing = yield* queue.enqueue(Wanted, "hurried", { deadlineIn: "1 minute" })
        const { due } = yield* patient.status
        const place = yield* queue.place(patient.id)
        assert.deepInclude(place, {
          order: "deadline",
          boundMs: 600_000,
          ahead: 1,
          isExact: true,
          passing: 1,
          deadline: due + 300_000,
          passedUntil: due + 300_000
        })
        assert.deepStrictEqual(
          place!.passedBy.map(({ id }) => id),
          [passing.id]
        )
        yield* queue.resume("urgent")
        yield* TestClock.adjust("1 minute")
        assert.isUndefined(yield* queue.place(patient.id))
      })
  )

  nodes("refuses a deadline said twice or not a number, and takes a new one for a job that waits", (start) =>
    Effect.gen(function* () {
      const { queue } = yield* start()
      const twice = yield* Effect.flip(queue.enqueue(Short, "x", { deadline: 5, deadlineIn: 5 }))
      assert.instanceOf(twice, EnqueueError)
      const wrong = yield* Effect.flip(queue.enqueue(Short, "x", { deadline: Number.NaN }))
      assert.instanceOf(wrong, EnqueueError)
      yield* queue.pause("urgent")
      const { id } = yield* queue.enqueue(Wanted, "x", { deadlineIn: "9 minutes" })
      const { due } = yield* queue.get(id)
      yield* queue.edit(id, { deadline: due + 1_000 })
      const job = yield* queue.get(id)
      assert.deepStrictEqual([job.extra?.deadline, job.rank], [due + 1_000, due + 1_000])
    })
  )

  it("refuses a bound beyond a week", () => {
    assert.throws(() => ResourceGroup.make("x", 1, { order: "score", bound: "8 days" }), /expected 0 ms to 7 d/)
  })
})
