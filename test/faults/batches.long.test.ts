/**
 * Faults: worker processes are killed with -9 while their batches run, from outside and by a poisonous job within.
 * Invariant: every job is accepted exactly once, none is lost, and no healthy one fails; the poison alone is buried,
 * after its four attempts.
 *
 * Jobs are added in waves while the kills go on, so that each kill meets work however fast the machine is.
 *
 * Reduced: waves of 600 jobs and 3 kills, 60 around the poison, instead of waves of 1,000 and 30, and 1,000.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TaskQueue } from "../../src/services/Queue/index.ts"
import { catchAtWork } from "../support/faults/Aim.ts"
import { faultFolder } from "../support/faults/FaultFolder.ts"
import { withQueue } from "../support/faults/FaultQueue.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"
import { Batched } from "../support/faults/FaultTasks.ts"
import { Fleet } from "../support/faults/Fleet.ts"
import { readLedger } from "../support/faults/Ledger.ts"
import { settled } from "../support/faults/Storm.ts"
import { records } from "../support/faults/Verdict.ts"

const payloads = (count: number, ms: number) => Array.from({ length: count }, () => ({ ms, poison: false }))

describe("batches whose worker is killed", () => {
  it.live("lose nothing, double nothing, and no job fails", () =>
    Effect.gen(function* () {
      const folder = yield* faultFolder
      const fleet = new Fleet(folder, { thread: true })
      const kills = isReduced ? 3 : 30
      yield* Effect.gen(function* () {
        const queue = yield* TaskQueue
        // More retries than kills: whoever kills from outside may hit the same job each time.
        const wave = queue.enqueueMany(Batched, payloads(isReduced ? 600 : 1000, 40), { retries: kills })
        const jobs = [...(yield* wave)]
        yield* Effect.forkScoped(fleet.keep(2).pipe(Effect.andThen(Effect.sleep("50 millis")), Effect.forever))
        let killed = 0
        while (killed < kills) {
          yield* Effect.sleep("150 millis")
          const open = yield* queue.count({ tasks: [Batched.name], states: ["pending", "scheduled", "running"] })
          if (open.count < 200) jobs.push(...(yield* wave))
          const worker = yield* catchAtWork(folder.ledger, () => fleet.alive.filter(({ isReady }) => isReady))
          if (worker === undefined) continue
          worker.kill()
          killed++
        }
        yield* settled(5 * 60_000)
        const found = yield* records(jobs.map(({ id }) => id))
        const entries = readLedger(folder.ledger)
        const accepted = new Map<number, number>()
        for (const { id, kind } of entries) if (kind === "accepted") accepted.set(id, (accepted.get(id) ?? 0) + 1)
        for (const { id } of jobs) {
          assert.strictEqual(found.get(id)!.state, "completed")
          // A worker that dies after the commit cannot say so any more.
          assert.isAtMost(accepted.get(id) ?? 0, 1)
        }
        const again = entries.filter(({ attempt, kind }) => kind === "start" && attempt > 1)
        assert.isAbove(again.length, 0, "a kill met a batch")
        assert.isTrue(
          again.every(({ detail }) => detail === "1"),
          "what was lost runs alone"
        )
      }).pipe(withQueue(folder))
    }).pipe(Effect.scoped)
  )

  it.live("by one of their jobs lose only that one", () =>
    Effect.gen(function* () {
      const folder = yield* faultFolder
      const fleet = new Fleet(folder, { thread: true })
      yield* Effect.gen(function* () {
        const queue = yield* TaskQueue
        const healthy = payloads(isReduced ? 60 : 1000, 20)
        const middle = healthy.length >> 1
        const jobs = yield* queue.enqueueMany(Batched, [
          ...healthy.slice(0, middle),
          { ms: 20, poison: true },
          ...healthy.slice(middle)
        ])
        yield* Effect.forkScoped(fleet.keep(2).pipe(Effect.andThen(Effect.sleep("50 millis")), Effect.forever))
        yield* settled(5 * 60_000)
        const found = yield* records(jobs.map(({ id }) => id))
        const failed = jobs.filter(({ id }) => found.get(id)!.state !== "completed").map(({ id }) => found.get(id)!)
        assert.deepStrictEqual(
          failed.map(({ attempt, failure, id, state }) => [id, state, attempt, failure!.cause]),
          [[jobs[middle]!.id, "failed", 4, "WorkerLost"]]
        )
      }).pipe(withQueue(folder))
    }).pipe(Effect.scoped)
  )
})
