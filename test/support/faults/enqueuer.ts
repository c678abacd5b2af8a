/**
 * Enqueues naps and says so: `node enqueuer.ts '<EnqueuerConfig as JSON>'`. Writes `asked N` to stdout before and
 * `acknowledged N` after each enqueue, for whoever watches its system calls; what is refused it asks for again. What
 * was acknowledged and what failed is in the ledger too.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { writeSync } from "node:fs"
import { QueueSettings, Sluice, TaskQueue } from "../../../src/services/Queue/index.ts"
import { settings } from "./FaultSettings.ts"
import { Nap } from "./FaultTasks.ts"
import { LedgerWriter } from "./Ledger.ts"
import { endWithParent } from "./OrphanGuard.ts"
import type { EnqueuerConfig } from "./WorkerProcess.ts"

const config = JSON.parse(process.argv[2]!) as EnqueuerConfig
const ledger = new LedgerWriter(config.ledger, config.name)
endWithParent()

Effect.gen(function* () {
  const queue = yield* TaskQueue
  writeSync(1, "ready\n")
  yield* Effect.forEach(
    Array.from({ length: config.jobs }, (_, i) => i),
    (i) =>
      Effect.gen(function* () {
        for (;;) {
          writeSync(1, `asked ${i}\n`)
          const stored = yield* Effect.result(queue.enqueue(Nap, { ms: 1, version: i }))
          if (stored._tag === "Success") {
            writeSync(1, `acknowledged ${i}\n`)
            return ledger.write("created", stored.success.id, 0, String(i))
          }
          ledger.write("notStored", 0, 0, stored.failure.reason._tag)
          yield* Effect.sleep("200 millis")
        }
      }),
    { concurrency: config.producers, discard: true }
  )
}).pipe(
  Effect.provide(Sluice.layerSqlite({ path: config.store, thread: config.thread })),
  Effect.provideService(QueueSettings.Settings, settings),
  NodeRuntime.runMain
)
