/**
 * Faults: 50 producers in five processes enqueue the same 200 keys; one process is killed with -9 every second and
 * replaced; every fifth call is a batch that is rolled back because its last job is refused.
 *
 * Invariants: without workers, every key that was acknowledged has exactly one live job, and all acknowledgements of a
 * key name that job; a key only ever asked for in rolled-back batches has none. With workers, a key never has two live
 * jobs, its jobs never run at the same time, and every job that was acknowledged as created is completed once.
 *
 * Reduced: 4 s of each phase instead of 30 s.
 */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { type JobId, type JobRecord, TaskQueue } from "../../src/services/Queue/index.ts"
import { faultFolder, type FaultFolder } from "../support/faults/FaultFolder.ts"
import { withQueue } from "../support/faults/FaultQueue.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"
import { Fleet } from "../support/faults/Fleet.ts"
import { readLedger } from "../support/faults/Ledger.ts"
import { settled } from "../support/faults/Storm.ts"
import { executionsOf, records } from "../support/faults/Verdict.ts"
import { start, type WorkerProcess } from "../support/faults/WorkerProcess.ts"
import { SeededRandom, seeds } from "../support/SeededRandom.ts"

const keys = 200
const processes = 5
const producersEach = 10
const phaseMs = isReduced ? 4_000 : 30_000
const [seed] = seeds(1)

/** Producer processes, one of which is killed and replaced every second. */
const producing = (folder: FaultFolder, phase: string, duringPhase: Effect.Effect<void, unknown, TaskQueue>) =>
  Effect.gen(function* () {
    const random = new SeededRandom(seed!)
    const all: Array<WorkerProcess> = []
    let named = 0
    const add = Effect.suspend(() => {
      const n = ++named
      const config = {
        name: `producer-${phase}-${n}`,
        store: folder.store,
        ledger: folder.ledger,
        thread: n % 2 === 0,
        keys,
        producers: producersEach,
        seed: n
      }
      return Effect.tap(start(config, { program: "producer.ts" }), (made) => Effect.sync(() => all.push(made)))
    })
    yield* Effect.all(
      Array.from({ length: processes }, () => Effect.flatMap(add, ({ ready }) => Deferred.await(ready))),
      { concurrency: "unbounded" }
    )
    const until = performance.now() + phaseMs
    while (performance.now() < until) {
      yield* Effect.sleep("1 second")
      random.pick(all.filter(({ isAlive }) => isAlive)).kill()
      yield* add
      yield* duringPhase
    }
    yield* Effect.forEach(
      all.filter(({ isAlive }) => isAlive),
      (producer) => producer.stopGently,
      { concurrency: "unbounded" }
    )
    for (const { end, killedAt, name, output } of all)
      if (killedAt === undefined) assert.strictEqual(end?.code, 0, `${name}: ${output}`)
  })

const live = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const { jobs, next } = yield* queue.list(
    { states: ["scheduled", "pending", "running"] },
    { limit: 1000, order: "oldest" }
  )
  assert.isUndefined(next, "more live jobs than keys")
  const byKey = new Map<string, Array<JobRecord>>()
  for (const job of jobs) {
    const { key } = job.payload as { readonly key: string }
    byKey.set(key, [...(byKey.get(key) ?? []), job])
  }
  for (const [key, held] of byKey) assert.strictEqual(held.length, 1, `${key} has ${held.length} live jobs`)
  return byKey
})

it.live("a key has one live job, whoever asks for it and whatever befalls them", () =>
  Effect.gen(function* () {
    const folder = yield* faultFolder
    yield* Effect.gen(function* () {
      yield* producing(folder, "idle", Effect.asVoid(live))
      const byKey = yield* live
      const told = readLedger(folder.ledger)
      const acknowledged = new Map<string, Set<number>>()
      for (const { detail, id, kind } of told) {
        if (kind === "created" || kind === "existing")
          acknowledged.set(detail!, (acknowledged.get(detail!) ?? new Set()).add(id))
      }
      assert.isAbove(told.filter(({ kind }) => kind === "rolledBack").length, 20, "nothing was rolled back")
      assert.strictEqual(acknowledged.size, keys)
      for (const [key, ids] of acknowledged) assert.deepStrictEqual([...ids], [byKey.get(key)?.[0]?.id], key)
      for (const key of byKey.keys())
        assert(!key.startsWith("only-rolled-back"), `${key} lives though its batch was refused`)
      const acknowledgements = told.length

      const fleet = new Fleet(folder, { thread: true })
      yield* Effect.all([fleet.addReady, fleet.addReady], { concurrency: 2 })
      yield* producing(folder, "busy", Effect.asVoid(live))
      yield* settled(60_000)
      yield* Effect.forEach(fleet.alive, (worker) => worker.stopGently, { concurrency: "unbounded" })
      const ledger = readLedger(folder.ledger)
      const created = ledger.filter(({ kind }) => kind === "created").map(({ id }) => id as JobId)
      const jobs = yield* records(created)
      for (const id of created) assert.strictEqual(jobs.get(id)?.state, "completed", `${id}: ${jobs.get(id)?.state}`)
      const lastEnd = new Map<string, number>()
      const executions = executionsOf(ledger)
      for (const { at, detail, id, kind } of ledger) {
        if (kind !== "start") continue
        assert.isAtMost(lastEnd.get(detail!) ?? 0, at, `two jobs of ${detail} ran at the same time`)
        const [run, ...more] = executions.get(id)!
        assert.isEmpty(more, `${id} ran twice`)
        lastEnd.set(detail!, run!.end!)
      }
      console.log(
        `unique keys, seed ${seed}: ${acknowledgements} acknowledgements of ${keys} keys without workers, ${ledger.length - acknowledgements} more entries with, ` +
          `${created.length} jobs created, ${executions.size} run`
      )
    }).pipe(withQueue(folder))
  }).pipe(Effect.scoped)
)
