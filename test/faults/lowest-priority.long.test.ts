/**
 * Fault: a group with one slot, for which two workers compete, gets more work than it can do, nearly all of the first
 * priority.
 *
 * Invariant: jobs start in the order of their rank, exactly, among those that were there to be claimed. Bound
 * (`policy/Rank.ts`): a job of the lowest priority starts no later than one of the first priority that became due 9 ×
 * the ageing step after it.
 *
 * Reduced: 6 s instead of 60 s.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { type JobId, TaskQueue } from "../../src/services/Queue/index.ts"
import { highestPriority, lowestPriority, rank } from "../../src/services/Queue/policy/Rank.ts"
import { faultFolder } from "../support/faults/FaultFolder.ts"
import { withQueue } from "../support/faults/FaultQueue.ts"
import { isReduced, settings } from "../support/faults/FaultSettings.ts"
import { Single } from "../support/faults/FaultTasks.ts"
import { Fleet } from "../support/faults/Fleet.ts"
import { settled } from "../support/faults/Storm.ts"
import { records } from "../support/faults/Verdict.ts"

const forMs = isReduced ? 6_000 : 60_000
const napMs = 20

it.live("at saturation the lowest priority starts within its bound, and the order is exact", () =>
  Effect.gen(function* () {
    const folder = yield* faultFolder
    yield* Effect.gen(function* () {
      const queue = yield* TaskQueue
      const fleet = new Fleet(folder, { thread: true })
      yield* Effect.all([fleet.addReady, fleet.addReady], { concurrency: 2 })
      /** When each enqueue was acknowledged. */
      const acknowledgedAt = new Map<JobId, number>()
      const begun = performance.now()
      for (let i = 0; performance.now() - begun < forMs; i++) {
        // Two for every nap that fits, so that work only ever grows.
        const due = begun + (i * napMs) / 2
        yield* Effect.sleep(Math.max(0, due - performance.now()))
        const priority = i % 20 === 7 ? lowestPriority : highestPriority
        const { id } = yield* queue.enqueue(Single, { ms: napMs, version: i }, { priority })
        acknowledgedAt.set(id, Date.now())
      }
      // What is left need not run: its order is decided, and the lowest priorities among it have their bound behind
      // them.
      yield* settled(forMs + 2 * 9 * settings.ageingStepMs)
      const jobs = [...(yield* records([...acknowledgedAt.keys()])).values()]
      const started = jobs
        .filter(({ startedAt }) => startedAt !== undefined)
        .sort((a, b) => a.startedAt! - b.startedAt!)
      const rankOf = ({ due, priority }: (typeof jobs)[number]) => rank(due, priority, settings.ageingStepMs)

      const passed: Array<string> = []
      let lowest = 0
      let longestMs = 0
      for (const [i, job] of started.entries()) {
        if (job.priority === lowestPriority) {
          lowest++
          longestMs = Math.max(longestMs, job.startedAt! - job.due)
          const bound = job.due + 9 * settings.ageingStepMs
          const unfair = started.slice(0, i).find(({ due, startedAt }) => due > bound && startedAt! < job.startedAt!)
          if (unfair !== undefined)
            passed.push(`${job.id}, due ${job.due}, was passed by ${unfair.id}, due ${unfair.due}`)
        }
        for (let later = i + 1; later < started.length; later++) {
          const other = started[later]!
          if (
            other.startedAt! > job.startedAt! &&
            acknowledgedAt.get(other.id)! <= job.startedAt! &&
            rankOf(other) < rankOf(job)
          ) {
            passed.push(`${other.id} of rank ${rankOf(other)} started after ${job.id} of rank ${rankOf(job)}`)
          }
        }
      }
      console.log(
        `priority: ${started.length} of ${jobs.length} started, ${lowest} of the lowest priority, the longest wait of those ${longestMs} ms`
      )
      assert.deepStrictEqual(passed.slice(0, 10), [])
      assert.isAbove(lowest, 5)
      yield* Effect.forEach(fleet.alive, (worker) => worker.stopGently, { concurrency: "unbounded" })
    }).pipe(withQueue(folder))
  }).pipe(Effect.scoped)
)
