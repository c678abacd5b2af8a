import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import { AlertLayers, Alerts, AlertSettings } from "../../../src/services/Alerts/index.ts"
import { Sluice, StoreError, StoreUnavailable, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import { type Store, store as wholeStore, toContext } from "../../../src/services/Store/Store.ts"

const Mail = Task.make("mail", { payload: Schema.Void, success: Schema.Void, group: "network" })

const start = 1_800_000_000_000

/** A store with one rule that fires at once, and a job that makes it fire. */
const firingStore = Effect.gen(function* () {
  yield* TestClock.setTime(start)
  const context = yield* Layer.build(Sluice.layerMemory())
  const store = yield* Effect.provide(wholeStore, context)
  const queue = Context.get(context, TaskQueue)
  const alerts = yield* process(store)
  for (const { rule } of yield* alerts.service.rules) yield* alerts.service.removeRule(rule.name)
  yield* alerts.service.putRule({ name: "any", metric: "backlog", threshold: 1, forMs: 0 })
  yield* queue.enqueue(Mail, undefined)
  return { store, queue }
})

/** The alerts of one process; `log` is its only sink. */
const process = (
  store: Store,
  log: (line: string) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<{ readonly service: Alerts["Service"] }, never, Scope.Scope> =>
  Effect.map(
    Effect.orDie(
      Layer.build(
        AlertLayers.layer.pipe(
          Layer.provide(Layer.succeedContext(toContext(store))),
          Layer.provide(Layer.succeed(AlertSettings.Settings, { ...AlertSettings.defaults, log }))
        )
      )
    ),
    (context) => ({ service: Context.get(context, Alerts) })
  )

const recorder = () => {
  const lines: Array<string> = []
  return { lines, log: (line: string) => Effect.sync(() => void lines.push(line)) }
}

const looks = (service: Alerts["Service"], name: string, count: number) =>
  Effect.forEach(
    Array.from({ length: count }),
    () => Effect.andThen(TestClock.adjust("15 seconds"), service.look(name)),
    { discard: true }
  )

/** The ids of what is on its way. */
const undelivered = (store: Store) =>
  Effect.map(store.documents.all("alert-state"), (documents) =>
    (JSON.parse(documents[0]!.text).outgoing as ReadonlyArray<{ notification: { id: string } }>).map(
      ({ notification }) => notification.id
    )
  )

describe("a change of the leader", () => {
  it.effect("neither repeats nor loses an alert: the next one goes on", () =>
    Effect.gen(function* () {
      const { queue, store } = yield* firingStore
      const one = recorder()
      const two = recorder()
      yield* looks((yield* process(store, one.log)).service, "one", 8)
      const next = (yield* process(store, two.log)).service
      yield* looks(next, "two", 8)
      assert.strictEqual(one.lines.length, 1)
      assert.deepStrictEqual(two.lines, [])
      yield* queue.cancelWhere({})
      yield* looks(next, "two", 8)
      assert.deepStrictEqual(two.lines, ["resolved: any: group network is well again"])
      assert.strictEqual((yield* next.overview).looked?.by, "two")
    })
  )

  it.effect("keeps the time for which a condition has held", () =>
    Effect.gen(function* () {
      const { store } = yield* firingStore
      const one = (yield* process(store)).service
      yield* one.putRule({ name: "any", metric: "backlog", threshold: 1, forMs: 120_000 })
      yield* looks(one, "one", 5)
      const two = recorder()
      yield* looks((yield* process(store, two.log)).service, "two", 4)
      assert.strictEqual(two.lines.length, 1)
    })
  )

  it.effect("sends what the last leader had decided and not sent, under the same id", () =>
    Effect.gen(function* () {
      const { store } = yield* firingStore
      const sending = yield* Deferred.make<void>()
      const stuck = yield* process(store, () => Effect.andThen(Deferred.succeed(sending, undefined), Effect.never))
      // It dies while it sends: the decision is stored, the delivery is not noted.
      const fiber = yield* Effect.forkChild(stuck.service.look("one"))
      yield* Deferred.await(sending)
      yield* Fiber.interrupt(fiber)
      const [id] = yield* undelivered(store)
      assert.isString(id)
      const two = recorder()
      const next = (yield* process(store, two.log)).service
      yield* looks(next, "two", 4)
      assert.strictEqual(two.lines.length, 1)
      assert.deepStrictEqual(yield* undelivered(store), [])
      assert.strictEqual((yield* next.history({ limit: 10 })).length, 1)
    })
  )

  it.effect("lets only one of two decide that think they lead", () =>
    Effect.gen(function* () {
      const { store } = yield* firingStore
      const one = recorder()
      const two = recorder()
      const other = (yield* process(store, two.log)).service
      let interrupted = false
      // Between the first one's reading and its writing the other one looks.
      const slow: Store = {
        ...store,
        jobs: {
          ...store.jobs,
          status: Effect.suspend(() => {
            if (interrupted) return store.jobs.status
            interrupted = true
            return Effect.andThen(other.look("two"), store.jobs.status)
          })
        }
      }
      const first = (yield* process(slow, one.log)).service
      yield* first.look("one")
      assert.deepStrictEqual([one.lines.length, two.lines.length], [0, 1])
      yield* looks(first, "one", 4)
      yield* looks(other, "two", 4)
      assert.deepStrictEqual([one.lines.length, two.lines.length], [0, 1])
    })
  )

  it.effect("hands the lead from worker to worker", () =>
    Effect.gen(function* () {
      const { queue, store } = yield* firingStore
      const one = recorder()
      const two = recorder()
      const worker = (name: string, log: (line: string) => Effect.Effect<void>) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          yield* Layer.buildWithScope(
            AlertLayers.layerWatching.pipe(
              Layer.provide(Layer.succeed(AlertSettings.Settings, { ...AlertSettings.defaults, log })),
              Layer.provideMerge(Sluice.layerWorker({ name })),
              Layer.provide(Sluice.layer),
              Layer.provide(Layer.succeedContext(toContext(store)))
            ),
            scope
          )
          return Scope.close(scope, Exit.void)
        })
      const stopOne = yield* worker("one", one.log)
      yield* TestClock.adjust("1 minute")
      const stopTwo = yield* worker("two", two.log)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual([one.lines.length, two.lines.length], [1, 0])
      const stopping = yield* Effect.forkChild(stopOne)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(stopping)
      yield* queue.cancelWhere({})
      yield* TestClock.adjust("4 minutes")
      assert.deepStrictEqual([one.lines.length, two.lines.length], [1, 1])
      assert.include(two.lines[0], "resolved")
      const ended = yield* Effect.forkChild(stopTwo)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(ended)
    })
  )
})

describe("a store that does not answer", () => {
  const failure = new StoreError({
    operation: "test",
    reason: new StoreUnavailable({ message: "not now" })
  })

  it.effect("is no condition: nothing fires, resolves or is forgotten meanwhile", () =>
    Effect.gen(function* () {
      const { store } = yield* firingStore
      let answers = true
      const moody: Store = {
        ...store,
        jobs: {
          ...store.jobs,
          counters: Effect.suspend(() => (answers ? store.jobs.counters : Effect.fail(failure)))
        }
      }
      const { lines, log } = recorder()
      const { service } = yield* process(moody, log)
      yield* looks(service, "one", 2)
      answers = false
      assert.strictEqual(yield* Effect.flip(service.look("one")), failure)
      yield* TestClock.adjust(Duration.minutes(10))
      yield* Effect.ignore(service.look("one"))
      answers = true
      yield* looks(service, "one", 2)
      assert.strictEqual(lines.length, 1)
      assert.deepInclude((yield* service.overview).alerts[0], { rule: "any", phase: "firing", since: start + 15_000 })
    })
  )

  it.effect("after a send makes it be sent again under its id, and in the end noted", () =>
    Effect.gen(function* () {
      const { store } = yield* firingStore
      let refuse = false
      const full: Store = {
        ...store,
        documents: {
          ...store.documents,
          put: (kind, key, text, options) =>
            refuse ? Effect.fail(failure) : store.documents.put(kind, key, text, options)
        }
      }
      const lines: Array<string> = []
      const { service } = yield* process(full, (line) =>
        Effect.sync(() => {
          lines.push(line)
          refuse = lines.length === 1
        })
      )
      yield* Effect.flip(service.look("one"))
      const [id] = yield* undelivered(store)
      refuse = false
      yield* looks(service, "one", 2)
      assert.strictEqual(lines.length, 2)
      assert.isString(id)
      assert.deepStrictEqual(yield* undelivered(store), [])
    })
  )
})
