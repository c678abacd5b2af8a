/**
 * A fleet on one host: `node fleet.ts '<FleetConfig as JSON>'` is the parent, which starts and stops worker processes
 * as `sluice worker --processes` does. They run this program too, with `worker` before the configuration, and are ready
 * late: `startUpMs` stands for an image that is pulled and a model that is loaded.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Clock, Duration, Effect, Layer, Queue } from "effect"
import type { Signal } from "../../../src/cli/Signals.ts"
import { supervise, superviseTargets } from "../../../src/cli/worker/Supervisor.ts"
import { QueueSettings, Sluice, Worker } from "../../../src/services/Queue/index.ts"
import { LedgerWriter } from "../faults/Ledger.ts"
import { endWithParent } from "../faults/OrphanGuard.ts"
import { HostClock } from "./HostClock.ts"
import { processesMost, Scaled, scaledGroup, slotsOfProcess } from "./ScaledTask.ts"

export interface FleetConfig {
  readonly store: string
  readonly ledger: string
  /** Where the offset of the host's clock is told. */
  readonly clock: string
  /** Processes to begin with. */
  readonly processes: number
  /** Whether their number follows the targets in the store. */
  readonly follows: boolean
  readonly startUpMs: number
  /** Of the scaler's rounds. */
  readonly roundMs: number
}

const isWorker = process.argv[2] === "worker"
const text = process.argv[isWorker ? 3 : 2]!
const config = JSON.parse(text) as FleetConfig

const store = Sluice.layerSqlite({ path: config.store, thread: isWorker })
// Long enough that a machine which is busy with other things loses none: here a lost lease would look like a slot taken
// away.
const patient = Layer.succeed(QueueSettings.Settings, {
  ...QueueSettings.defaults,
  lease: Duration.seconds(12),
  grace: Duration.seconds(5)
})

const worker = Effect.gen(function* () {
  const end = () => void process.kill(process.pid, "SIGTERM")
  if (process.connected !== true) return
  process.once("disconnect", end)
  process.channel?.unref()
  // Counted from the start of the process, so that a busy machine adds nothing to it.
  yield* Effect.sleep(Math.max(0, config.startUpMs - performance.now()))
  const name = `worker-${process.pid}`
  const ledger = new LedgerWriter(config.ledger, name)
  const handler = Scaled.toLayer(({ at, ms }, { attempt, id }) =>
    Effect.suspend(() => {
      ledger.write("start", id, attempt, String(Date.now() - at))
      return Effect.sleep(ms)
    }).pipe(Effect.ensuring(Effect.sync(() => ledger.write("end", id, attempt))))
  )
  // Rounds of a day that goes by in minutes; the past is read before the day begins.
  const scaler = Sluice.layerScaler({
    round: Duration.millis(config.roundMs),
    carry: Duration.millis(config.roundMs),
    settle: Duration.seconds(1),
    save: Duration.minutes(1),
    rebuildShare: 0.5
  })
  const drained = Layer.effectDiscard(
    Effect.flatMap(Worker, ({ awaitDrained }) => Effect.forkScoped(Effect.andThen(awaitDrained, Effect.sync(end))))
  )
  return yield* Layer.mergeAll(scaler, drained).pipe(
    Layer.provideMerge(Sluice.layerWorker({ name, slots: { [scaledGroup]: slotsOfProcess } })),
    Layer.provide(handler),
    Layer.provide(store),
    Layer.provide(patient),
    Layer.launch
  )
})

const parent = Effect.gen(function* () {
  endWithParent()
  const supervised = {
    args: ["worker", text],
    cwd: process.cwd(),
    env: process.env,
    // SIGTERM ends this process; its workers see that and end by themselves.
    signals: yield* Queue.unbounded<Signal>(),
    note: (line: string) => Effect.sync(() => process.stderr.write(`${line}\n`))
  }
  const { follows, processes } = config
  yield* follows
    ? superviseTargets({
        ...supervised,
        processes,
        min: 1,
        max: processesMost,
        slots: { [scaledGroup]: slotsOfProcess }
      })
    : supervise({ ...supervised, processes })
}).pipe(Effect.scoped, Effect.provide(store.pipe(Layer.provide(patient))))

NodeRuntime.runMain(
  (isWorker ? worker : parent).pipe(Effect.provideService(Clock.Clock, new HostClock(config.clock))),
  {
    teardown: (exit, done) => done(exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
  }
)
