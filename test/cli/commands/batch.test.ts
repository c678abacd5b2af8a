import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import path from "node:path"
import { type BatchCurve, Sluice } from "../../../src/services/Queue/index.ts"
import * as CommandLine from "../CommandLine.ts"
import { store as wholeStore } from "../../../src/services/Store/Store.ts"

const curve: BatchCurve = {
  task: "mail",
  group: "network",
  maxBatchSize: 200,
  calls: 40,
  items: 400,
  splits: 1,
  best: 10,
  fixedMs: 20,
  itemMs: 0,
  growthMs: 0.2,
  seen: [
    { size: 4, calls: 1, ms: 23.2 },
    { size: 10, calls: 38, ms: 40 },
    { size: 16, calls: 1, ms: 71.2 }
  ]
}

/** A store whose workers have told of these batches. */
const storeWith = (file: string, curves: ReadonlyArray<BatchCurve>) =>
  Effect.gen(function* () {
    const store = yield* wholeStore
    const now = yield* Clock.currentTimeMillis
    const leaseMs = 60_000
    const session = yield* store.workers.join(
      { name: "w1", host: "elsewhere", pid: 1, version: "1", slots: {}, tasks: ["mail"] },
      { now, leaseMs }
    )
    const load = { busy: {}, cpu: 0, rssBytes: 0, heapBytes: 0, loopDelayMs: 0, batches: curves }
    yield* store.workers.beat(session, { now, leaseMs, mayBlockMs: 1000, tasks: ["mail"], slots: {}, load })
  }).pipe(Effect.provide(Sluice.layerSqlite({ path: file, thread: false })))

describe("sluice batch", () => {
  it.live(
    "shows what the workers have seen, as a picture and for programs",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const file = path.join(cli.folder, "jobs.db")
        yield* storeWith(file, [curve])
        const [row] = yield* cli.json(["batch", "status", "--json", "--store", file])
        assert.deepInclude(row, {
          task: "mail",
          worker: "w1",
          calls: 40,
          items: 400,
          meanSize: 10,
          splits: 1,
          best: 10
        })
        assert.include((yield* cli.call(["batch", "status", "--store", file])).stdout, "mail")
        assert.deepStrictEqual(yield* cli.json(["batch", "tune", "network", "--json", "--store", file]), [
          { ...curve, latencyMs: null }
        ])
        const { stdout } = yield* cli.call(["batch", "tune", "mail", "--store", file])
        const lines = stdout.split("\n")
        assert.strictEqual(lines[0], "mail: batches of 10 cost least per job (at most 200)")
        const lengthOf = (line: string) => line.match(/█/g)!.length
        assert.isBelow(lengthOf(lines[4]!), lengthOf(lines[3]!))
        assert.match(lines[4]!, /^ {3}10 +4\.00 ms.*fit 4\.00 ms.*38 calls {2}← best: 10$/)
        assert.notInclude(lines[3]! + lines[5]!, "best")
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.live(
    "says so when there is nothing to see, and ends with 3 for a task nobody has run",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const file = path.join(cli.folder, "jobs.db")
        yield* storeWith(file, [])
        for (const command of ["status", "tune"]) {
          const { code, stderr, stdout } = yield* cli.call(["batch", command, "--store", file])
          assert.deepStrictEqual([code, stdout], [0, ""])
          assert.include(stderr, "no living worker has run a batch yet")
        }
        assert.deepInclude(yield* cli.call(["batch", "tune", "mial", "--store", file]), {
          code: 3,
          stderr: "sluice: no living worker has run a batch of a task or group mial; see: sluice batch status\n"
        })
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )
})
