/**
 * Fault: another program holds the write lock of the store's file for 20 s, far beyond the lease and the time a call
 * waits.
 *
 * Invariants: no worker ends; no acknowledged job is lost, accepted twice or stuck; a producer's calls fail with a
 * typed error and nothing of them is stored.
 *
 * Bounds: every call ends within 10 s (and a second for a busy machine); claims resume within 10 s after the lock is
 * gone; a worker writes at most two log lines a second.
 *
 * Reduced: 12 s, the store on its own thread.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { DatabaseSync } from "node:sqlite"
import { type JobId, TaskQueue } from "../../src/services/Queue/index.ts"
import { faultFolder } from "../support/faults/FaultFolder.ts"
import { withQueue } from "../support/faults/FaultQueue.ts"
import { hosts, isReduced } from "../support/faults/FaultSettings.ts"
import { Nap } from "../support/faults/FaultTasks.ts"
import { Fleet } from "../support/faults/Fleet.ts"
import { readLedger } from "../support/faults/Ledger.ts"
import { settled } from "../support/faults/Storm.ts"
import { judge } from "../support/faults/Verdict.ts"

const outageMs = isReduced ? 12_000 : 20_000
const resumeWithinMs = 10_000
const callWithinMs = 11_000

describe.each(isReduced ? hosts.slice(0, 1) : hosts)("a foreign lock, the store on $host", ({ thread }) => {
  it.live(
    "claims resume within ten seconds of its end, and nothing is lost",
    () =>
      Effect.gen(function* () {
        const folder = yield* faultFolder
        yield* Effect.gen(function* () {
          const queue = yield* TaskQueue
          const fleet = new Fleet(folder, { thread })
          yield* Effect.all([fleet.addReady, fleet.addReady], { concurrency: 2 })
          const ids: Array<JobId> = []
          const errors = new Map<string, number>()
          let slowestCallMs = 0
          let enqueuing = true
          const producing = yield* Effect.forkScoped(
            Effect.gen(function* () {
              while (enqueuing) {
                const begun = performance.now()
                yield* queue.enqueue(Nap, { ms: 20, version: 0 }).pipe(
                  Effect.match({
                    onSuccess: ({ id }) => void ids.push(id),
                    onFailure: ({ reason }) => void errors.set(reason._tag, (errors.get(reason._tag) ?? 0) + 1)
                  })
                )
                slowestCallMs = Math.max(slowestCallMs, performance.now() - begun)
                yield* Effect.sleep("10 millis")
              }
            })
          )
          // Some jobs run through the whole of it.
          ids.push(
            ...(yield* queue.enqueueMany(
              Nap,
              Array.from({ length: 8 }, () => ({ ms: 5000, version: 0 }))
            )).map(({ id }) => id)
          )
          yield* Effect.sleep("1 second")

          const foreign = new DatabaseSync(folder.store, { timeout: 5000 })
          foreign.exec("BEGIN IMMEDIATE")
          const lockedAt = Date.now()
          const linesBefore = fleet.all.map(({ output }) => output.split("\n").length)
          yield* Effect.sleep(outageMs)
          const linesDuring = fleet.all.map(({ output }, i) => output.split("\n").length - linesBefore[i]!)
          foreign.exec("ROLLBACK")
          foreign.close()
          const freeAt = Date.now()

          yield* Effect.sleep(resumeWithinMs)
          enqueuing = false
          yield* Fiber.join(producing)
          yield* settled(30_000)
          const ledger = readLedger(folder.ledger)
          const resumedMs =
            (ledger.find(({ at, kind }) => kind === "start" && at >= freeAt)?.at ?? Number.POSITIVE_INFINITY) - freeAt
          const meanwhile = ledger.filter(
            ({ at, kind }) => kind === "accepted" && at > lockedAt + 500 && at < freeAt
          ).length
          const { acceptedTwice, lost, repeated, stuck } = yield* judge(ids, ledger, fleet)
          console.log(
            `outage of ${outageMs} ms, own thread ${thread}: ${ids.length} jobs, ${lost.length} lost, ${acceptedTwice.length} accepted twice, ${stuck.length} stuck, ` +
              `${repeated} repeated, resumed after ${resumedMs} ms, slowest call ${Math.round(slowestCallMs)} ms, log lines ${linesDuring}, refused ${JSON.stringify([...errors])}`
          )
          assert.strictEqual(meanwhile, 0, "the lock held nobody up")
          assert.deepStrictEqual(
            fleet.all.filter(({ isAlive }) => !isAlive).map(({ output }) => output.slice(-1000)),
            []
          )
          assert.deepStrictEqual({ acceptedTwice, lost, stuck }, { acceptedTwice: [], lost: [], stuck: [] })
          assert.isAtMost(resumedMs, resumeWithinMs)
          assert.isAtMost(slowestCallMs, callWithinMs)
          assert.deepStrictEqual([...errors.keys()], ["StoreUnavailable"])
          for (const lines of linesDuring) assert.isAtMost(lines, (2 * outageMs) / 1000)
          yield* Effect.forEach(fleet.alive, (worker) => worker.stopGently, { concurrency: "unbounded" })
          for (const { end, output } of fleet.all) assert.strictEqual(end?.code, 0, output.slice(-1000))
        }).pipe(withQueue(folder))
      }).pipe(Effect.scoped),
    150_000
  )
})
