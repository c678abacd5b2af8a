/**
 * The whole queue at saturation, on both stores: producers, a worker, runs learned, retries, deadlines, and orders that
 * change on the way.
 *
 * Bound (`policy/Order.ts`): a job is passed only by jobs that became due at most B after it. While orders change, and
 * for jobs that were ranked before, the larger of 10/9 of both bounds.
 *
 * Reduced: a fifth of the jobs, memory and SQLite alike.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, PubSub, Schema } from "effect"
import { TestClock } from "effect/testing"
import { type JobId, Order, type QueueEvent, ResourceGroup, Task } from "../../../src/services/Queue/index.ts"
import { type QueueNode, startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"
import { makeSqliteFile } from "../../support/queue/SqliteFile.ts"
import { SeededRandom, seeds } from "../../support/SeededRandom.ts"

const reduced = process.env.SLUICE_LONG === "reduced"
const rounds = reduced ? 40 : 300

const group = ResourceGroup.make("busy", 3)
const lengths: Readonly<Record<string, number>> = { quick: 200, usual: 2_000, slow: 20_000 }
const tasks = Object.keys(lengths).map((name) => Task.make(name, { payload: Schema.Boolean, group, retry: "quick" }))
const handlers = Layer.mergeAll(
  ...(tasks.map((task) =>
    task.toLayer((fails, { attempt }) =>
      Effect.andThen(Effect.sleep(lengths[task.name]!), fails && attempt === 1 ? Effect.die("not yet") : Effect.void)
    )
  ) as [Layer.Layer<never, never, never>])
)

/** Follows what is due and has not started, and by how much each start passed another. */
class Watch {
  passedMs = 0
  started = 0
  private readonly waiting = new Map<JobId, number>()

  add(id: JobId, due: number) {
    this.waiting.set(id, due)
  }

  get size() {
    return this.waiting.size
  }

  see(event: QueueEvent) {
    if (event._tag === "Retried") this.waiting.set(event.id, event.due)
    if (event._tag !== "Started") return
    const due = this.waiting.get(event.id)
    if (due === undefined) return
    this.waiting.delete(event.id)
    this.started++
    for (const other of this.waiting.values()) this.passedMs = Math.max(this.passedMs, due - other)
  }
}

const run = (node: QueueNode, seed: number, choices: ReadonlyArray<Order.OrderChoice & { readonly boundMs: number }>) =>
  Effect.gen(function* () {
    const { events, queue } = node
    const random = new SeededRandom(seed)
    const watch = new Watch()
    const subscription = yield* events.subscribe
    const drain = Effect.gen(function* () {
      while ((yield* PubSub.remaining(subscription)) > 0)
        for (const event of yield* PubSub.takeUpTo(subscription, 1_000)) watch.see(event)
    })
    let backlog = 0
    for (let round = 0; round < rounds; round++) {
      if (round % Math.ceil(rounds / choices.length) === 0)
        yield* queue.setOrder("busy", choices[Math.floor((round * choices.length) / rounds)]!)
      for (let i = random.below(8); i >= 0; i--) {
        const handle = yield* queue.enqueue(random.pick(tasks), random.chance(0.1), {
          priority: 1 + random.below(10),
          ...(random.chance(0.5) && { deadlineIn: random.below(600_000) })
        })
        watch.add(handle.id, (yield* handle.status).due)
      }
      yield* TestClock.adjust(random.below(5_000))
      yield* drain
      backlog = Math.max(backlog, watch.size)
    }
    yield* TestClock.adjust("1 minute").pipe(
      Effect.andThen(drain),
      Effect.repeat({ while: () => watch.size > 0, times: 600 })
    )
    assert.strictEqual(watch.size, 0, "every job started")
    assert.isAbove(backlog, rounds / 2, "saturated")
    return watch
  }).pipe(Effect.scoped)

const choicesOf = (random: SeededRandom, count: number) =>
  Array.from({ length: count }, () => {
    const order = random.pick(Order.orders)
    return { order, boundMs: order === "fifo" ? 0 : 9_000 + random.below(300_000) }
  })

for (const on of ["memory", "sqlite"] as const) {
  const test = (name: string, body: (node: QueueNode) => Effect.Effect<void, unknown>) =>
    it.effect(
      name,
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const file = on === "sqlite" ? makeSqliteFile() : undefined
            if (file !== undefined) yield* Effect.addFinalizer(() => file.close)
            yield* Effect.scoped(
              Effect.gen(function* () {
                const store = yield* file === undefined ? sharedMemory : file.open
                const node = yield* startNode({
                  store,
                  handlers,
                  worker: { slots: { busy: 3 } },
                  settings: { pollInterval: Duration.seconds(10) }
                })
                yield* TestClock.adjust("1 millis")
                yield* body(node)
                node.kill()
              })
            )
          })
        ),
      600_000
    )

  describe(`the queue at saturation (${on})`, () => {
    for (const order of Order.orders) {
      test(`lets no job be passed by one due more than the bound after it, by ${order}`, (node) =>
        Effect.gen(function* () {
          const boundMs = order === "fifo" ? 0 : 120_000
          const watch = yield* run(node, 1 + Order.orders.indexOf(order), [{ order, boundMs }])
          console.log(
            `order (${on}): ${order}, ${watch.started} starts, passed by at most ${watch.passedMs} of ${boundMs} ms`
          )
          assert.isAtMost(watch.passedMs, boundMs)
          if (order !== "fifo") assert.isAbove(watch.passedMs, 0)
        }))
    }

    for (const seed of seeds(reduced ? 1 : 5)) {
      test(`keeps the larger bound while orders change (seed ${seed})`, (node) =>
        Effect.gen(function* () {
          const choices = choicesOf(new SeededRandom(seed), 6)
          const boundMs = Math.ceil((10 / 9) * Math.max(...choices.map((choice) => choice.boundMs)))
          const watch = yield* run(node, seed, choices)
          assert.isAtMost(watch.passedMs, boundMs)
        }))
    }
  })
}
