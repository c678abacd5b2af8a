import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { execFileSync } from "node:child_process"
import { load, StoreDriver } from "../../../support/store/StoreDriver.ts"
import { emptyStore, newFile, withStore } from "./SqliteStores.ts"
import { store as wholeStore } from "../../../../src/services/Store/Store.ts"

const withThread = <A, E>(body: (driver: StoreDriver) => Effect.Effect<A, E>) =>
  Effect.flatMap(wholeStore, (store) => body(new StoreDriver(store))).pipe(Effect.provide(emptyStore()))

/** Blocks the event loop, as a handler may. */
const block = (millis: number) =>
  Effect.sync(() => {
    const end = performance.now() + millis
    while (performance.now() < end);
  })

describe("the store's thread", () => {
  it("loads nothing of Effect: it starts in a fraction of the time", () => {
    const engine = new URL("../../../../src/services/Store/sqlite/Engine.ts", import.meta.url).href
    const program = `
      import { registerHooks } from "node:module"
      const loaded = []
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
      await import(${JSON.stringify(engine)})
      console.log(JSON.stringify(loaded))`
    const loaded: ReadonlyArray<string> = JSON.parse(
      execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" })
    )
    assert.include(loaded, engine)
    assert.deepStrictEqual(
      loaded.filter((url) => url.includes("node_modules")),
      []
    )
  })

  it.live(
    "keeps a lease while the event loop is blocked beyond it, and says since when and with which jobs",
    () =>
      withThread((driver) =>
        Effect.gen(function* () {
          const leaseMs = 2_000
          const now = yield* Clock.currentTimeMillis
          const session = yield* driver.store.workers.join(
            { name: "worker", host: "host", pid: process.pid, version: "1", slots: {}, tasks: ["task"] },
            { now, leaseMs }
          )
          const id = yield* driver.add()
          const [job] = yield* driver.claim(session)
          // A tick before the block, so that it is the block that is seen.
          yield* Effect.sleep("300 millis")
          yield* block(3_500)
          const after = yield* Clock.currentTimeMillis
          assert.isAbove(after, now + leaseMs)
          const [worker] = yield* driver.store.workers.all
          assert.isAbove(worker!.leaseUntil, after)
          assert.deepStrictEqual(worker!.blocked!.jobs, [id])
          assert.approximately(worker!.blocked!.since, now + 300, 700)
          assert.deepStrictEqual((yield* driver.sweep()).recovered, [])
          assert.isTrue(yield* driver.settle(session, job!, "completed"))
          const beat = { now: after, leaseMs, mayBlockMs: 60_000, tasks: ["task"], slots: {}, load }
          assert.isTrue(yield* driver.store.workers.beat(session, beat))
          assert.isUndefined((yield* driver.store.workers.all)[0]!.blocked)
        })
      ),
    20_000
  )

  it.live(
    "gives up a blocked event loop after the longest time limit its worker named: the job runs again, a late result is refused",
    () =>
      withThread((driver) =>
        Effect.gen(function* () {
          const leaseMs = 1_000
          const now = yield* Clock.currentTimeMillis
          const session = yield* driver.store.workers.join(
            { name: "worker", host: "host", pid: process.pid, version: "1", slots: {}, tasks: ["task"] },
            { now, leaseMs }
          )
          const id = yield* driver.add()
          const [job] = yield* driver.claim(session)
          const beat = { now, leaseMs, mayBlockMs: 1_500, tasks: ["task"], slots: {}, load }
          assert.isTrue(yield* driver.store.workers.beat(session, beat))
          yield* Effect.sleep("300 millis")
          yield* block(4_000)
          assert.deepStrictEqual((yield* driver.sweep()).recovered, [id])
          assert.isFalse(yield* driver.settle(session, job!, "completed"))
        })
      ),
    20_000
  )

  it.live(
    "does not keep a lease that nobody renews while the event loop answers",
    () =>
      withThread((driver) =>
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          yield* driver.store.workers.join(
            { name: "worker", host: "host", pid: process.pid, version: "1", slots: {}, tasks: ["task"] },
            { now, leaseMs: 1_000 }
          )
          yield* Effect.sleep("1600 millis")
          assert.strictEqual((yield* driver.store.workers.all)[0]!.leaseUntil, now + 1_000)
          assert.strictEqual((yield* driver.sweep()).sessions.length, 1)
        })
      ),
    20_000
  )

  it.live("answers the same as the caller's thread for a job with everything", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const extra = { owner: "o", team: "t", tags: ["a", "b"], headers: { ["__proto__"]: "x", "\u001b[31m": "\u0000" } }
      const specs = [{ payload: { text: "ä\u0000\u{1f600}" }, partitionKey: "p", expiresIn: 60_000, key: "k", extra }]
      const threaded = yield* withStore({ path: file, thread: true }, (driver) =>
        Effect.flatMap(driver.enqueue(specs), ({ ids }) => driver.get(ids[0]!))
      )
      const direct = yield* withStore({ path: file }, (driver) => driver.get(threaded!.id))
      assert.deepStrictEqual(direct, threaded)
      assert.deepStrictEqual(direct!.extra, extra)
    })
  )
})
