import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  PerformanceProfiler,
  type Placement,
  placementDefaults,
  Placements,
  PlacementSettings,
  ResourceGroup,
  Sluice,
  Task,
  TaskQueue,
  type WorkerOptions
} from "../../../src/services/Queue/index.ts"
import * as PlacementsLive from "../../../src/services/Queue/PlacementsLive.ts"
import * as PlacementLoop from "../../../src/services/Queue/upkeep/PlacementLoop.ts"
import * as Testing from "../../../src/testing/index.ts"
import { store as wholeStore, toContext } from "../../../src/services/Store/Store.ts"

const Mail = Task.make("mail", { payload: Schema.Int })
const Report = Task.make("report", { payload: Schema.Int, group: ResourceGroup.computation })
const Once = Task.make("once", {
  payload: Schema.Int,
  idempotencyKey: String,
  unique: { scope: "group" }
})
const handlers = Layer.mergeAll(
  Mail.toLayer(() => Effect.void),
  Report.toLayer(() => Effect.void),
  Once.toLayer(() => Effect.void)
)

const waiting: Placement.Evidence = { attempts: 20, runMs: 1000, cpuMs: 20, waitMs: 980, diskMs: 0, bytes: 0 }

/** A second loop beside the worker's own: it is told that these tasks wait, in each pass. */
const measured = (...tasks: ReadonlyArray<string>) =>
  Layer.fresh(PlacementLoop.layer).pipe(
    Layer.provide(
      Layer.mock(PerformanceProfiler, {
        takeEvidence: Effect.sync(() => new Map(tasks.map((task) => [task, waiting])))
      })
    )
  )

const placed = (tasks: ReadonlyArray<string>, worker: WorkerOptions = {}) =>
  measured(...tasks).pipe(Layer.provideMerge(Testing.layer(handlers, { worker })))

const groupOf = (task: typeof Mail | typeof Report | typeof Once, options?: { readonly group: string }) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const job = yield* queue.enqueue(task, 1, options)
    return (yield* job.status).group
  })

/** Two passes, and the time in which producers hear of it. */
const decided = TestClock.adjust("75 seconds")

describe("the group of a task that names none", () => {
  it.effect("is computation until it was measured, then where it was placed; jobs that are stored stay", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.pause()
      const early = yield* queue.enqueue(Mail, 1)
      assert.strictEqual((yield* early.status).group, "computation")
      yield* decided
      assert.strictEqual(yield* groupOf(Mail), "network")
      assert.strictEqual((yield* early.status).group, "computation")
    }).pipe(Effect.provide(placed(["mail"])))
  )

  it.effect("is what an enqueue says, and a declared group is only advised", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.pause()
      yield* decided
      assert.strictEqual(yield* groupOf(Mail, { group: "crm" }), "crm")
      assert.strictEqual(yield* groupOf(Report), "computation")
      const placements = yield* Placements
      const report = (yield* placements.all).find(({ task }) => task === "report")
      assert.deepStrictEqual([report?.declared, report?.fit], ["computation", "network"])
    }).pipe(Effect.provide(placed(["mail", "report"])))
  )

  it.effect("stays where keys are unique by group", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.pause()
      yield* decided
      assert.strictEqual(yield* groupOf(Once), "computation")
    }).pipe(Effect.provide(placed(["once"])))
  )

  it.effect("is not one that no worker of the task serves", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.pause()
      yield* decided
      assert.strictEqual(yield* groupOf(Mail), "computation")
      const placements = yield* Placements
      const [mail] = yield* placements.all
      assert.deepStrictEqual([mail?.fit, mail?.held], ["network", true])
    }).pipe(Effect.provide(placed(["mail"], { slots: { computation: 2, "*": 0 } })))
  )

  it.effect(
    "is the same for every process: another one reads it from the store, and none overwrites what it has not seen",
    () =>
      Effect.gen(function* () {
        yield* decided
        const mine = yield* Placements
        const store = yield* wholeStore
        const other = Layer.fresh(PlacementsLive.layer).pipe(Layer.provide(Layer.succeedContext(toContext(store))))
        const theirs = Context.get(yield* Layer.build(other), Placements)
        assert.strictEqual(theirs.groupOf(Mail), "computation")
        yield* theirs.reread(0) ?? Effect.void
        assert.strictEqual(theirs.groupOf(Mail), "network")
        const [seen] = yield* theirs.all
        const [also] = yield* mine.all
        assert.isTrue(yield* mine.keep({ ...also!, rounds: 50 }, also))
        assert.isFalse(yield* theirs.keep({ ...seen!, rounds: 60 }, seen))
        assert.strictEqual((yield* theirs.all)[0]?.rounds, 50)
      }).pipe(Effect.provide(placed(["mail"])))
  )

  it.effect("is computation where placing is not wanted", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.pause()
      yield* decided
      assert.strictEqual(yield* groupOf(Mail), "computation")
      assert.strictEqual((yield* (yield* Placements).all)[0]?.fit, "network")
    }).pipe(
      Effect.provide(
        placed(["mail"]).pipe(Layer.provide(Layer.succeed(PlacementSettings, { ...placementDefaults, mode: "advise" })))
      )
    )
  )

  it.effect("is out of reach of a document that cannot be read", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const store = yield* wholeStore
      yield* queue.pause()
      yield* store.documents.put("placement", "mail", '{"task":"mail","fit":"moon"}', { now: 0 })
      assert.strictEqual(yield* groupOf(Mail), "computation")
    }).pipe(Effect.provide(Sluice.layerMemory()))
  )
})
