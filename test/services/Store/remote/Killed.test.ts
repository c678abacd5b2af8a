import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { rmSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { connectTo } from "../../../../src/services/Store/remote/Sockets.ts"
import { makeClient } from "../../../../src/services/Store/remote/StoreClient.ts"
import { StoreDriver } from "../../../support/store/StoreDriver.ts"
import { folder } from "../sqlite/SqliteStores.ts"

const program = fileURLToPath(new URL("../../../support/store/servedStore.ts", import.meta.url))

const start = (args: ReadonlyArray<string>): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [program, ...args], { stdio: ["ignore", "ignore", "inherit"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

describe("a store whose serving process is killed after a commit, before the answer", () => {
  it.live(
    "is asked again where it is served anew, and answers as it did: stored once, claimed once",
    () =>
      Effect.gen(function* () {
        const place = yield* folder
        const file = path.join(place, "queue.db")
        const socket = path.join(place, "store.sock")
        const first = yield* start([file, socket, "2"])
        const ended = Effect.promise(() => once(first, "exit"))
        const driver = new StoreDriver(yield* makeClient({ connect: connectTo({ path: socket }) }))
        const session = yield* driver.join()
        const before = yield* driver.add({ payload: "before" })
        // The second process begins to listen while the client is still asking.
        yield* Effect.forkScoped(
          Effect.andThen(
            ended,
            Effect.andThen(
              Effect.sync(() => rmSync(socket, { force: true })),
              start([file, socket])
            )
          )
        )
        const { ids, jobs } = yield* driver.enqueue([{ payload: "one" }, { payload: "two" }], {
          session,
          claim: [{ group: "group", limit: 3 }]
        })
        assert.strictEqual(first.signalCode, "SIGKILL")
        assert.deepStrictEqual(
          jobs.map(({ attempt, id }) => [id, attempt]),
          [before, ...ids].map((id) => [id, 1])
        )
        assert.deepStrictEqual(yield* driver.store.jobs.count({}), { count: 3, exact: true })
        for (const job of jobs) assert.isTrue(yield* driver.settle(session, job, "completed"))
        assert.deepStrictEqual(yield* driver.states(ids), ["completed", "completed"])
      }).pipe(Effect.scoped),
    30_000
  )
})
