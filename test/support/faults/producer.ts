/**
 * Many producers in one process, for the unique-key suite: `node producer.ts '<ProducerConfig as JSON>'`. Each enqueues
 * keys at random; every fifth call is a batch that is refused because its last job waits for a parent that does not
 * exist. What was acknowledged is in the ledger. Ends on SIGTERM.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Effect } from "effect"
import { Job, QueueSettings, Sluice, TaskQueue } from "../../../src/services/Queue/index.ts"
import { SeededRandom } from "../SeededRandom.ts"
import { settings } from "./FaultSettings.ts"
import { Keyed } from "./FaultTasks.ts"
import { LedgerWriter } from "./Ledger.ts"
import { endWithParent } from "./OrphanGuard.ts"
import type { ProducerConfig } from "./WorkerProcess.ts"

const config = JSON.parse(process.argv[2]!) as ProducerConfig
const ledger = new LedgerWriter(config.ledger, config.name)
endWithParent()

const producer = (seed: number) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const random = new SeededRandom(seed)
    const payload = (prefix: string) => ({ key: `${prefix}-${random.below(config.keys)}`, ms: 5 + random.below(20) })
    for (;;) {
      if (random.chance(0.2)) {
        const refused = [payload("key"), payload("only-rolled-back"), payload("key")]
        yield* queue.enqueueMany(Keyed, refused, { after: [Job.jobIdFloor(1)] }).pipe(
          Effect.matchEffect({
            // All three keys may have been taken: then nobody asked for the parent.
            onSuccess: (handles) =>
              Effect.sync(() =>
                handles.forEach(({ id, outcome }, i) =>
                  ledger.write(outcome === "created" ? "created" : "existing", id, 0, refused[i]!.key)
                )
              ),
            onFailure: (error) =>
              error._tag === "EnqueueError" && error.reason._tag === "ParentNotFound"
                ? Effect.sync(() => ledger.write("rolledBack", 0, 0, refused.map(({ key }) => key).join(" ")))
                : Effect.die(error)
          })
        )
      } else {
        const wanted = payload("key")
        const { id, outcome } = yield* queue.enqueue(Keyed, wanted)
        ledger.write(outcome === "created" ? "created" : "existing", id, 0, wanted.key)
      }
      yield* Effect.sleep(random.below(10))
    }
  })

Effect.sync(() => process.stdout.write("ready\n")).pipe(
  Effect.andThen(
    Effect.forEach(
      Array.from({ length: config.producers }, (_, i) => config.seed * 1000 + i),
      producer,
      { concurrency: "unbounded" }
    )
  ),
  Effect.provide(Sluice.layerSqlite({ path: config.store, thread: config.thread })),
  Effect.provideService(QueueSettings.Settings, settings),
  NodeRuntime.runMain({
    teardown: (exit, done) => done(exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
  })
)
