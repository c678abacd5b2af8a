/**
 * Fault: a handler holds the event loop of its worker for 0.5, 1.5 and 3 leases.
 *
 * Invariants: it is named (an event, and a line in the job's log), never accepted twice, and other workers' jobs go on.
 * With the store on its own thread the lease is kept: one run, accepted, and operators see the worker as blocked
 * meanwhile. With the store on the caller's thread a loop held for longer than the lease loses it: its result is
 * refused.
 *
 * Reduced: the store's own thread only.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { TaskQueue } from "../../src/services/Queue/index.ts"
import { faultFolder } from "../support/faults/FaultFolder.ts"
import { withQueue } from "../support/faults/FaultQueue.ts"
import { hosts, isReduced, leaseMs } from "../support/faults/FaultSettings.ts"
import { Block, Nap } from "../support/faults/FaultTasks.ts"
import { Fleet } from "../support/faults/Fleet.ts"
import { readLedger } from "../support/faults/Ledger.ts"
import { executionsOf } from "../support/faults/Verdict.ts"

const block = (leases: number, thread: boolean) =>
  Effect.gen(function* () {
    const folder = yield* faultFolder
    const fleet = new Fleet(folder, { thread })
    return yield* Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* fleet.addReady
      const blocking = yield* queue.enqueue(Block, { ms: leases * leaseMs, version: 0 })
      yield* queue.waitFor(blocking.id, ["running"])
      // Half a lease is over some 300 ms after the thread has noticed: an operator who looks often sees it.
      const looking = yield* Effect.map(queue.workers, (workers) =>
        workers.some(({ blocked }) => blocked?.jobs.includes(blocking.id))
      ).pipe(
        Effect.repeat({ until: (seen) => seen, schedule: Schedule.spaced("20 millis") }),
        Effect.timeoutOption(leases * leaseMs),
        Effect.forkScoped
      )
      // Another worker joins while the first is blocked: there is somebody to take its jobs, and to do the others'.
      yield* fleet.addReady
      const naps = yield* queue.enqueueMany(
        Nap,
        Array.from({ length: 50 }, () => ({ ms: 10, version: 0 }))
      )
      yield* Effect.forEach(naps, ({ id }) => queue.waitFor(id))
      const ended = yield* queue.waitFor(blocking.id)
      const seenBlocked = yield* Fiber.join(looking)
      yield* Effect.forEach(fleet.alive, (worker) => worker.stopGently, { concurrency: "unbounded" })
      const { lines } = yield* queue.logs(blocking.id)
      const ledger = readLedger(folder.ledger).filter(({ id }) => id === blocking.id)
      return {
        ended,
        seenBlocked: seenBlocked._tag === "Some",
        runs: executionsOf(ledger).get(blocking.id)?.length ?? 0,
        accepted: ledger.filter(({ kind }) => kind === "accepted").length,
        refused: ledger.filter(({ kind }) => kind === "refused").length,
        named: ledger.filter(({ kind }) => kind === "blocked").length,
        log: lines.map(({ message }) => message)
      }
    }).pipe(withQueue(folder))
  }).pipe(Effect.scoped)

const namedInLog = (log: ReadonlyArray<string>) =>
  log.some((line) => /^This job blocked the event loop for \d+\.\d s/.test(line))

for (const leases of [0.5, 1.5, 3]) {
  describe.each(isReduced ? hosts.slice(0, 1) : hosts)(
    `held for ${leases} leases, the store on $host`,
    ({ thread }) => {
      it.live(
        leases < 1 || thread ? "named, run once, accepted once" : "named, and accepted at most once",
        () =>
          Effect.gen(function* () {
            const { accepted, ended, log, named, refused, runs, seenBlocked } = yield* block(leases, thread)
            console.log(
              `${leases} leases, own thread ${thread}: ${runs} runs, ${accepted} accepted, ${refused} refused, ${ended.state}`
            )
            assert.isAbove(named, 0, "no event named it")
            if (leases < 1 || thread) {
              assert.deepStrictEqual(
                { accepted, refused, runs, state: ended.state },
                { accepted: 1, refused: 0, runs: 1, state: "completed" }
              )
              assert(namedInLog(log), log.join("\n"))
              if (thread) assert(seenBlocked, "no operator could see it")
            } else {
              assert.strictEqual(accepted, ended.state === "completed" ? 1 : 0)
              if (ended.state !== "completed") assert.strictEqual(ended.failure?.cause, "WorkerLost")
            }
          }),
        120_000
      )
    }
  )
}
