import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { JobId } from "../../../src/services/Queue/Job.ts"
import type { ClaimedJob } from "../../../src/services/Store/Turn.ts"
import { failure, type StoreDriver, type StoreTest } from "./StoreDriver.ts"

const keep = (driver: StoreDriver, session: number, { attempt, id }: ClaimedJob, step: string, value: string) =>
  driver.turn({ session, progress: [{ id, attempt, step, value }] })

const kept = (driver: StoreDriver, id: JobId, step: string) => driver.store.jobs.step(id, step)

export const clauses = (test: StoreTest): void => {
  test("what a step made is kept over attempts, apart from progress and from other steps", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      const [job] = yield* driver.claim(session)
      yield* driver.turn({
        session,
        progress: [
          { id, attempt: 1, value: driver.encode(7) },
          { id, attempt: 1, step: "a", value: "1" },
          { id, attempt: 1, step: "b", value: "2" },
          { id, attempt: 1, step: "a", value: "3" }
        ]
      })
      yield* driver.settle(session, job!, "retry", { failure: failure() })
      assert.deepStrictEqual(yield* Effect.all([kept(driver, id, "a"), kept(driver, id, "b")]), ["3", "2"])
      assert.strictEqual(driver.decode((yield* driver.job(id)).progress), 7)
      assert.isUndefined(yield* kept(driver, id, "c"))
      assert.isUndefined(yield* kept(driver, (id + 1) as JobId, "a"))
    }))

  test("a step of an attempt that has passed on is not kept", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      const [job] = yield* driver.claim(session)
      yield* driver.settle(session, job!, "retry", { failure: failure() })
      yield* keep(driver, session, job!, "late", "1")
      assert.isUndefined(yield* kept(driver, id, "late"))
    }))

  test("steps of a dead letter stay for its retry; those of a completed or removed job go", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      const [job] = yield* driver.claim(session)
      yield* keep(driver, session, job!, "a", "1")
      yield* driver.settle(session, job!, "failed", { failure: failure() })
      yield* driver.change({ ids: [id] }, { _tag: "Retry" })
      assert.strictEqual(yield* kept(driver, id, "a"), "1")
      const [again] = yield* driver.claim(session)
      yield* driver.settle(session, again!, "completed")
      assert.isUndefined(yield* kept(driver, id, "a"))

      const other = yield* driver.add()
      const [next] = yield* driver.claim(session)
      yield* keep(driver, session, next!, "a", "1")
      yield* driver.settle(session, next!, "failed", { failure: failure() })
      yield* driver.remove(other)
      assert.isUndefined(yield* kept(driver, other, "a"))
    }))
}
