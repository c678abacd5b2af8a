/** A worker process that scales: `node worker.ts '<WorkerConfig as JSON>'`. It takes its turn at leading, and its share of the slots. */
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Duration, Effect, Layer } from "effect"
import { QueueSettings, Sluice, Worker } from "../../../src/services/Queue/index.ts"
import { settings } from "../faults/FaultSettings.ts"
import { LedgerWriter } from "../faults/Ledger.ts"
import { endWithParent } from "../faults/OrphanGuard.ts"
import type { WorkerConfig } from "../faults/WorkerProcess.ts"
import { Scaled } from "./ScaledTask.ts"

const config = JSON.parse(process.argv[2]!) as WorkerConfig
const ledger = new LedgerWriter(config.ledger, config.name)

endWithParent()

const handler = Scaled.toLayer(({ at, ms }, { attempt, id }) =>
  Effect.suspend(() => {
    ledger.write("start", id, attempt, String(Date.now() - at))
    return Effect.sleep(ms)
  }).pipe(Effect.andThen(Effect.sync(() => ledger.write("end", id, attempt))))
)

const ready = Layer.effectDiscard(Effect.map(Worker, () => process.stdout.write("ready\n")))

Layer.mergeAll(
  ready,
  // Rounds and steps of a day that goes by in minutes.
  Sluice.layerScaler({ round: Duration.seconds(1), carry: Duration.millis(500), settle: Duration.seconds(1) })
).pipe(
  Layer.provideMerge(Sluice.layerWorker({ name: config.name })),
  Layer.provide(handler),
  Layer.provide(Sluice.layerSqlite({ path: config.store, thread: config.thread })),
  // Long enough that a machine which is busy with other things loses none: here a lost lease would look like a slot taken away.
  Layer.provide(Layer.succeed(QueueSettings.Settings, { ...settings, lease: Duration.seconds(12) })),
  Layer.launch,
  NodeRuntime.runMain({
    teardown: (exit, done) => done(exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
  })
)
