/**
 * Fault: four operators cancel, retry, edit, snooze and remove jobs and pause, resume and limit their group, at random,
 * while real workers run them.
 *
 * Invariants, once everything is resumed: every acknowledged job is finished or was removed; a completed one ran with
 * the payload of the last edit that was accepted; a job runs once, and once more for each accepted retry, and as often
 * is a result accepted at most; a removed job is gone; nothing starts after its cancellation was acknowledged until it
 * is retried, nor while its group is paused.
 *
 * Bound: a pause and a cancellation hold within 2 s.
 *
 * Reduced: 10 s instead of 90 s.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import { type JobId, Sluice, TaskQueue } from "../../src/services/Queue/index.ts"
import { faultFolder } from "../support/faults/FaultFolder.ts"
import { withQueue } from "../support/faults/FaultQueue.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"
import { Nap, Run } from "../support/faults/FaultTasks.ts"
import { Fleet } from "../support/faults/Fleet.ts"
import { readLedger } from "../support/faults/Ledger.ts"
import { settled } from "../support/faults/Storm.ts"
import { executionsOf, records } from "../support/faults/Verdict.ts"
import { SeededRandom, seeds } from "../support/SeededRandom.ts"

const forMs = isReduced ? 10_000 : 90_000
const jobsEach = isReduced ? 100 : 400
const operators = 4
const withinMs = 2000
const [seed] = seeds(1)

/** What an operator knows of a job of its own. */
interface Known {
  readonly id: JobId
  version: number
  removedAt: number | undefined
  retries: number
  /** From the acknowledgement of a cancellation to the next retry. */
  readonly cancelled: Array<{ readonly from: number; to: number }>
}

const changes = ["cancel", "retry", "edit", "move", "snooze"] as const

const unlessRefused = { JobNotFound: () => Effect.succeed(false), WrongState: () => Effect.succeed(false) } as const

/** One operator with jobs of its own; answers what it knows of them. */
const operator = (operatorSeed: number) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const random = new SeededRandom(operatorSeed)
    const known: Array<Known> = []
    const done: Record<string, number> = {}
    const until = performance.now() + forMs
    while (performance.now() < until) {
      if (known.length < jobsEach && random.chance(0.5)) {
        const { id } = yield* queue.enqueue(
          Nap,
          { ms: 5 + random.below(100), version: 0 },
          random.chance(0.3) ? { in: random.below(500) } : {}
        )
        known.push({ id, version: 0, removedAt: undefined, retries: 0, cancelled: [] })
      }
      const here = known.filter(({ removedAt }) => removedAt === undefined)
      if (here.length === 0) continue
      const job = random.pick(here)
      const change = random.pick([...changes, ...changes, ...changes, "remove"] as const)
      const begun = Date.now()
      const accepted = yield* Effect.gen(function* () {
        switch (change) {
          case "cancel":
            return yield* queue.cancel(job.id, "at random")
          case "retry":
            return yield* queue.retry(job.id)
          case "edit":
            return yield* queue.edit(job.id, { payload: { ms: 5 + random.below(100), version: job.version + 1 } })
          case "move":
            return yield* queue.edit(job.id, { priority: 1 + random.below(10), due: Date.now() + random.below(300) })
          case "snooze":
            return yield* queue.snooze(job.id, random.below(300))
          case "remove":
            return yield* queue.remove(job.id)
        }
      }).pipe(Effect.as(true), Effect.catchTags(unlessRefused))
      if (accepted) {
        done[change] = (done[change] ?? 0) + 1
        const now = Date.now()
        if (change === "edit") job.version++
        if (change === "cancel") job.cancelled.push({ from: now, to: Number.POSITIVE_INFINITY })
        if (change === "retry") {
          job.retries++
          const last = job.cancelled.at(-1)
          if (last !== undefined) last.to = Math.min(last.to, begun)
        }
        if (change === "remove") job.removedAt = now
      }
      yield* Effect.sleep(random.below(10))
    }
    return { known, done }
  })

/** Pauses, resumes and limits; answers the stretches during which nothing may start. */
const controller = (controllerSeed: number) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const random = new SeededRandom(controllerSeed)
    const pauses: Array<{ readonly from: number; readonly to: number }> = []
    const until = performance.now() + forMs
    while (performance.now() < until) {
      const group = random.chance(0.5) ? Nap.group.name : undefined
      yield* queue.pause(group)
      const from = Date.now()
      yield* Effect.sleep(random.below(withinMs + 1500))
      pauses.push({ from, to: Date.now() })
      yield* queue.resume(group)
      yield* queue.setLimit(Nap.group.name, random.chance(0.3) ? null : 1 + random.below(6))
      yield* Effect.sleep(500 + random.below(1500))
    }
    yield* queue.setLimit(Nap.group.name, null)
    return pauses
  })

it.live("whatever operators do, jobs end as they were last told to", () =>
  Effect.gen(function* () {
    const folder = yield* faultFolder
    yield* Effect.gen(function* () {
      const fleet = new Fleet(folder, { thread: true })
      yield* Effect.all([fleet.addReady, fleet.addReady], { concurrency: 2 })
      const controlling = yield* Effect.forkScoped(controller(seed! * 100))
      // Each on a connection of its own, as operators at several terminals are.
      const working = yield* Effect.forEach(
        Array.from({ length: operators }, (_, i) => seed! * 100 + 1 + i),
        (operatorSeed) =>
          operator(operatorSeed).pipe(
            Effect.provide(Sluice.layerSqlite({ path: folder.store, thread: false })),
            Effect.forkScoped
          )
      )
      const reports = yield* Effect.forEach(working, Fiber.join)
      const pauses = yield* Fiber.join(controlling)
      yield* settled(60_000)
      yield* Effect.forEach(fleet.alive, (worker) => worker.stopGently, { concurrency: "unbounded" })

      const ledger = readLedger(folder.ledger)
      const known = reports.flatMap((report) => report.known)
      const jobs = yield* records(known.map(({ id }) => id))
      const executions = executionsOf(ledger)
      const wrong: Array<string> = []
      const expect = (ok: boolean, what: string) => {
        if (!ok) wrong.push(what)
      }
      for (const { cancelled, id, removedAt, retries, version } of known) {
        const job = jobs.get(id)
        const runs = executions.get(id) ?? []
        const accepted = ledger.filter((entry) => entry.id === id && entry.kind === "accepted").length
        const name = `${id} (${job?.state}, ${runs.length} runs, ${retries} retries, version ${version})`
        expect(runs.length <= 1 + retries, `${name}: ran too often`)
        expect(accepted <= 1 + retries, `${name}: ${accepted} results accepted`)
        for (const { from, to } of cancelled) {
          expect(
            !runs.some(({ start }) => start > from + withinMs && start < to),
            `${name}: started after it was cancelled`
          )
        }
        if (removedAt !== undefined) {
          expect(job === undefined, `${name}: still there after it was removed`)
          expect(!runs.some(({ start }) => start > removedAt), `${name}: started after it was removed`)
        } else {
          expect(job !== undefined && ["completed", "failed", "cancelled"].includes(job.state), `${name}: not finished`)
          expect(job?.state !== "failed", `${name}: ${job?.failure?.message}`)
          expect(job?.state !== "cancelled" || cancelled.length > 0, `${name}: cancelled by nobody`)
          if (job?.state === "completed") {
            const ran = Schema.decodeUnknownSync(Run)(JSON.parse(job.result as string))
            expect(ran.version === version, `${name}: completed with version ${ran.version}`)
          }
        }
      }
      for (const { from, to } of pauses) {
        for (const { at, id, kind } of ledger) {
          expect(
            kind !== "start" || at <= from + withinMs || at >= to,
            `${id} started ${at - from} ms into a pause of ${to - from} ms`
          )
        }
      }
      console.log(
        `operators, seed ${seed}: ${known.length} jobs, ${JSON.stringify(reports.map(({ done }) => done))}, ${pauses.length} pauses, ` +
          `${ledger.filter(({ kind }) => kind === "start").length} runs, ${wrong.length} wrong`
      )
      assert.deepStrictEqual(wrong, [])
    }).pipe(withQueue(folder))
  }).pipe(Effect.scoped)
)
