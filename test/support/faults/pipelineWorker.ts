/** A worker process that drives and runs a pipeline: `node pipelineWorker.ts '<WorkerConfig as JSON>'`. */
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { QueueSettings, Sluice, Worker } from "../../../src/services/Queue/index.ts"
import { settings } from "./FaultSettings.ts"
import { LedgerWriter } from "./Ledger.ts"
import { endWithParent } from "./OrphanGuard.ts"
import { pipelineHandlers } from "./PipelineTasks.ts"
import type { WorkerConfig } from "./WorkerProcess.ts"

const config = JSON.parse(process.argv[2]!) as WorkerConfig

endWithParent()

Layer.effectDiscard(Effect.map(Worker, () => process.stdout.write("ready\n"))).pipe(
  Layer.provideMerge(Sluice.layerWorker({ name: config.name, threads: 1 })),
  Layer.provide(pipelineHandlers(new LedgerWriter(config.ledger, config.name))),
  Layer.provide(Sluice.layerSqlite({ path: config.store, thread: config.thread })),
  Layer.provide(Layer.succeed(QueueSettings.Settings, settings)),
  Layer.launch,
  NodeRuntime.runMain
)
