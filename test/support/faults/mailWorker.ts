/** A worker process that sends mails: `node mailWorker.ts '<MailWorkerConfig as JSON>'`. Names itself to the server. */
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Effect, Layer } from "effect"
import { QueueSettings, RateLimited, Sluice, Worker } from "../../../src/services/Queue/index.ts"
import { settings } from "./FaultSettings.ts"
import { Mail, mailSlots, type MailWorkerConfig } from "./Mail.ts"
import { endWithParent } from "./OrphanGuard.ts"

const { name, store, url } = JSON.parse(process.argv[2]!) as MailWorkerConfig

endWithParent()

const handler = Mail.toLayer((mail) =>
  Effect.promise(() => fetch(`${url}/${mail}`, { method: "POST", headers: { "x-worker": name } })).pipe(
    Effect.flatMap(RateLimited.refuse),
    Effect.asVoid
  )
)

Layer.effectDiscard(Effect.map(Worker, () => process.stdout.write("ready\n"))).pipe(
  Layer.provideMerge(Sluice.layerWorker({ name, slots: { mail: mailSlots } })),
  Layer.provide(handler),
  Layer.provide(Sluice.layerSqlite({ path: store })),
  Layer.provide(Layer.succeed(QueueSettings.Settings, settings)),
  Layer.launch,
  NodeRuntime.runMain({
    teardown: (exit, done) => done(exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
  })
)
