/**
 * Fault: two processes drive and run pipelines on one file; about every second one that runs a step is killed with -9
 * and replaced.
 *
 * Invariants: every run ends with its result; each item of each stage is one job, completed; a handler runs again only
 * where a kill cut it off.
 *
 * Reduced: 4 runs of 30 items and 3 kills instead of 20 runs of 100 and 30 kills.
 */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { Job, Pipelines, TaskQueue } from "../../src/services/Queue/index.ts"
import { catchAtWork } from "../support/faults/Aim.ts"
import { faultFolder } from "../support/faults/FaultFolder.ts"
import { withQueue } from "../support/faults/FaultQueue.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"
import { readLedger } from "../support/faults/Ledger.ts"
import { Squares, squaresOf } from "../support/faults/PipelineTasks.ts"
import { start, type WorkerProcess } from "../support/faults/WorkerProcess.ts"

const size = isReduced ? { runs: 4, items: 30, kills: 3 } : { runs: 20, items: 100, kills: 30 }

it.live(
  "runs go on where killed processes left them: no step is lost, none is doubled",
  () =>
    Effect.gen(function* () {
      const folder = yield* faultFolder
      yield* Effect.gen(function* () {
        const queue = yield* TaskQueue
        const pipelines = yield* Pipelines
        let started = 0
        const addWorker = Effect.gen(function* () {
          const worker = yield* start(
            { name: `worker-${++started}`, store: folder.store, ledger: folder.ledger, thread: true },
            { program: "pipelineWorker.ts" }
          )
          yield* Deferred.await(worker.ready)
          return worker
        })
        const workers: Array<WorkerProcess> = [...(yield* Effect.all([addWorker, addWorker], { concurrency: 2 }))]
        const runs = yield* Effect.forEach(Array.from({ length: size.runs }), () =>
          pipelines.start(Squares, size.items)
        )
        const isOver = Effect.map(queue.count({ states: Job.liveStates }), ({ count }) => count === 0)
        const storm = Effect.gen(function* () {
          for (let kills = 0; kills < size.kills; ) {
            const worker = yield* catchAtWork(folder.ledger, () => workers)
            if (worker === undefined && (yield* isOver)) break
            if (worker === undefined) continue
            worker.kill()
            workers.splice(workers.indexOf(worker), 1)
            workers.push(yield* addWorker)
            yield* Effect.sleep("1 second")
            kills++
          }
        })
        const [results] = yield* Effect.all([Effect.forEach(runs, (run) => run.await), storm], { concurrency: 2 })
        for (const result of results) assert.deepStrictEqual(result, squaresOf(size.items))

        let recovered = 0
        for (const run of runs) {
          const status = yield* run.status
          assert.deepStrictEqual(
            status.map(({ cancelled, completed, failed, running, stage, waiting }) => [
              stage,
              completed,
              waiting + running + failed + cancelled
            ]),
            [
              ["1", 1, 0],
              ["2.1", size.items, 0],
              ["2.2", size.items, 0]
            ]
          )
          const { jobs } = yield* queue.list({ batchKey: Job.formatJobId(run.id) }, { limit: 1000 })
          assert.strictEqual(jobs.length, 1 + 3 * size.items)
          recovered += jobs.filter(({ attempt }) => attempt > 1).length
        }
        assert.isAbove(recovered, 0, "the kills hit nothing")
        const kills = new Map<number, number>()
        for (const { id, kind } of readLedger(folder.ledger)) {
          if (kind === "start") kills.set(id, (kills.get(id) ?? 0) + 1)
        }
        const again = [...kills.values()].filter((times) => times > 1).length
        assert.isAtMost(again, recovered, "a handler ran again that no kill had cut off")
      }).pipe(withQueue(folder))
    }),
  isReduced ? 120_000 : 400_000
)
