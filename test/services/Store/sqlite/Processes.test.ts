import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, type Scope } from "effect"
import type { JobId } from "../../../../src/services/Queue/Job.ts"
import { check } from "../../../../src/services/Store/sqlite/Maintenance.ts"
import { newFile, withStore } from "./SqliteStores.ts"

const program = new URL("./StoreProcess.ts", import.meta.url).pathname

interface Process {
  readonly child: ChildProcessWithoutNullStreams
  /** The next line it says. */
  readonly next: Effect.Effect<unknown>
  /** Its exit code, and what it wrote to stderr. */
  readonly ended: Effect.Effect<{ readonly code: number | null; readonly stderr: string }>
}

const start = (...args: ReadonlyArray<string>): Effect.Effect<Process, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [program, ...args])
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      let stderr = ""
      child.stderr.on("data", (bytes) => {
        stderr += String(bytes)
      })
      const exit = new Promise<{ readonly code: number | null; readonly stderr: string }>((resolve) =>
        child.on("close", (code) => resolve({ code, stderr }))
      )
      return {
        child,
        next: Effect.promise(async () => JSON.parse((await lines.next()).value ?? "null") as unknown),
        ended: Effect.promise(() => exit)
      }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

describe("processes on one file", () => {
  it.live(
    "create it together, fill it and drain it: nothing is lost, nothing is done twice, nobody sees a busy file",
    () =>
      Effect.gen(function* () {
        const file = yield* newFile
        const producers = yield* Effect.all([1, 2, 3].map(() => start("produce", file, "200")))
        const workers = yield* Effect.all([1, 2].map(() => start("work", file)))
        for (const { ended } of producers) assert.deepStrictEqual(yield* ended, { code: 0, stderr: "" })
        const done = (yield* Effect.all(workers.map(({ next }) => next))).flat() as Array<JobId>
        for (const { ended } of workers) assert.deepStrictEqual(yield* ended, { code: 0, stderr: "" })
        assert.strictEqual(done.length, 600)
        assert.strictEqual(new Set(done).size, 600)
        yield* withStore({ path: file }, (driver) =>
          Effect.map(driver.store.jobs.counters, (cells) =>
            assert.deepStrictEqual(cells, [{ group: "group", task: "task", state: "completed", count: 600 }])
          )
        )
        assert.deepStrictEqual((yield* check(file)).findings, [])
      }),
    60_000
  )

  it.live(
    "leave whole batches or none when one exits inside a transaction",
    () =>
      Effect.gen(function* () {
        for (const at of [1, 2, 3, 5]) {
          const file = yield* newFile
          const { ended } = yield* start("crash", file, String(at))
          assert.strictEqual((yield* ended).code, 7)
          const { count } = yield* withStore({ path: file }, (driver) => driver.store.jobs.count({}))
          assert.strictEqual(count % 3, 0)
          assert.isAtMost(count, 3 * at)
          assert.deepStrictEqual((yield* check(file)).findings, [])
        }
      }),
    60_000
  )

  it.live(
    "free the jobs of a dead process at once, and those of a living one never",
    () =>
      Effect.gen(function* () {
        const file = yield* newFile
        yield* withStore({ path: file }, (driver) =>
          Effect.scoped(
            Effect.gen(function* () {
              const now = yield* Clock.currentTimeMillis
              yield* driver.enqueue([{}, {}])
              const dead = yield* start("hold", file)
              const living = yield* start("hold", file)
              const lost = (yield* dead.next) as { session: number; id: JobId }
              const kept = (yield* living.next) as { session: number; id: JobId }
              assert.deepStrictEqual((yield* driver.store.workers.sweep({ now, limit: 10 })).sessions, [])
              dead.child.kill("SIGKILL")
              yield* dead.ended
              const swept = yield* driver.store.workers.sweep({ now, limit: 10 })
              assert.deepStrictEqual([swept.sessions, swept.recovered], [[lost.session], [lost.id]])
              assert.deepStrictEqual(yield* driver.states([lost.id, kept.id]), ["pending", "running"])
            })
          )
        )
      }),
    60_000
  )

  it.live(
    "wake each other through their sockets, also when one of them died without tidying up",
    () =>
      Effect.gen(function* () {
        const file = yield* newFile
        const dead = yield* start("wake", file)
        assert.deepStrictEqual(yield* dead.next, { ready: true })
        dead.child.kill("SIGKILL")
        yield* dead.ended
        const listener = yield* start("wake", file)
        assert.deepStrictEqual(yield* listener.next, { ready: true })
        yield* withStore({ path: file }, (driver) =>
          Effect.gen(function* () {
            yield* driver.add()
            assert.strictEqual(((yield* listener.next) as { wake: string }).wake, "ready")
          })
        )
      }),
    60_000
  )
})
