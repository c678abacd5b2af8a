/**
 * A worker process for the fault suites: `node worker.ts '<WorkerConfig as JSON>'`. Writes a ledger; stops gracefully
 * on SIGTERM.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Effect, Exit, Layer, PubSub } from "effect"
import { QueueEvents, QueueSettings, Sluice, Worker } from "../../../src/services/Queue/index.ts"
import * as Tasks from "./FaultTasks.ts"
import { settings } from "./FaultSettings.ts"
import { LedgerWriter } from "./Ledger.ts"
import { endWithParent } from "./OrphanGuard.ts"
import { poisonInProcess } from "./PoisonInProcess.ts"
import type { WorkerConfig } from "./WorkerProcess.ts"

const config = JSON.parse(process.argv[2]!) as WorkerConfig
const ledger = new LedgerWriter(config.ledger, config.name)

endWithParent()

const handled = (
  job: { readonly id: number; readonly attempt: number },
  version: number,
  work: Effect.Effect<void>,
  detail = String(version)
) =>
  Effect.suspend(() => {
    ledger.write("start", job.id, job.attempt, detail)
    return work
  }).pipe(
    Effect.map(() => {
      ledger.write("end", job.id, job.attempt)
      return { process: config.name, attempt: job.attempt, version }
    })
  )

const spin = (ms: number) =>
  Effect.sync(() => {
    const until = performance.now() + ms
    while (performance.now() < until);
  })

const batched = Tasks.Batched.toBatchLayer((items) =>
  Effect.gen(function* () {
    for (const { job } of items) ledger.write("start", job.id, job.attempt, String(items.length))
    yield* Effect.sleep(Math.max(...items.map(({ payload }) => payload.ms)))
    if (items.some(({ payload }) => payload.poison)) process.kill(process.pid, "SIGKILL")
    return items.map(({ job }) => {
      ledger.write("end", job.id, job.attempt)
      return Exit.succeed({ process: config.name, attempt: job.attempt, version: 0 })
    })
  })
)

const handlers = Layer.mergeAll(
  batched,
  Tasks.Nap.toLayer(({ ms, version }, job) => handled(job, version, Effect.sleep(ms))),
  Tasks.Shaky.toLayer(({ ms, version }, job) =>
    Tasks.fails(job.id, job.attempt)
      ? Effect.suspend(() => {
          ledger.write("start", job.id, job.attempt)
          return Effect.sleep(ms)
        }).pipe(
          Effect.andThen(Effect.sync(() => ledger.write("failed", job.id, job.attempt))),
          Effect.andThen(Effect.fail("no luck"))
        )
      : handled(job, version, Effect.sleep(ms))
  ),
  Tasks.Single.toLayer(({ ms, version }, job) => handled(job, version, Effect.sleep(ms))),
  Tasks.Block.toLayer(({ ms, version }, job) => handled(job, version, spin(ms))),
  Tasks.Keyed.toLayer(({ key, ms }, job) => handled(job, 0, Effect.sleep(ms), key)),
  Tasks.PoisonProcess.toLayer(({ kind }, job) => {
    ledger.write("start", job.id, job.attempt, kind)
    return poisonInProcess(kind)
  }),
  ...Tasks.threadPoisons.map((kind) =>
    Tasks.poisonThread(kind).toThreadLayer({ module: new URL("./PoisonInThread.ts", import.meta.url), export: kind })
  )
)

/** What the store said of each result, and who was named for holding the loop. */
const listening = Layer.effectDiscard(
  Effect.gen(function* () {
    const events = yield* QueueEvents
    const subscription = yield* events.subscribe
    yield* PubSub.take(subscription).pipe(
      Effect.map((event) => {
        if (event._tag === "Completed") ledger.write("accepted", event.id, event.attempt)
        else if (event._tag === "LeaseLost") ledger.write("refused", event.id, event.attempt)
        else if (event._tag === "LoopBlocked")
          for (const job of event.jobs) ledger.write("blocked", job.id, 0, String(event.blockedMs))
      }),
      Effect.forever,
      Effect.forkScoped
    )
  })
)

const ready = Layer.effectDiscard(Effect.map(Worker, () => process.stdout.write("ready\n")))

ready.pipe(
  Layer.provideMerge(
    Sluice.layerWorker({
      name: config.name,
      threads: 2,
      ...(config.slots === undefined ? {} : { slots: config.slots })
    })
  ),
  Layer.provide(Layer.mergeAll(handlers, listening)),
  Layer.provide(Sluice.layerSqlite({ path: config.store, thread: config.thread, ...config.sqlite })),
  Layer.provide(Layer.succeed(QueueSettings.Settings, settings)),
  Layer.launch,
  NodeRuntime.runMain({
    teardown: (exit, done) => done(exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
  })
)
