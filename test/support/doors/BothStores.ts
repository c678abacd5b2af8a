/** The same queue on every store: a door must take the same and give the same back, wherever jobs rest. */
import { Context, Effect, Layer } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { QueueSettings, Sluice, TaskQueue, type TaskRegistry } from "../../../src/services/Queue/index.ts"
import { pollInterval } from "../../../src/testing/TestQueue.ts"

export const storeNames = ["memory", "SQLite"] as const
export type StoreName = (typeof storeNames)[number]

const standard = { ...QueueSettings.defaults, pollInterval }
const settings = Layer.succeed(QueueSettings.Settings, standard)

/** A folder that is removed with the scope. */
export const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "sluice-doors-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const layerFile = (file: string) =>
  Sluice.layerSqlite({ path: file, thread: false, durability: "relaxed", reserveBytes: 0 })

/** The store, new and empty; a file of its own is removed with the layer. */
const storeOf = (store: StoreName) =>
  store === "memory"
    ? Sluice.layerMemory()
    : Layer.unwrap(Effect.map(temporaryFolder, (folder) => layerFile(path.join(folder, "jobs.db"))))

/** A queue without a worker: what is enqueued stays as it is. */
export const layerQueue = (store: StoreName) => storeOf(store).pipe(Layer.provide(settings))

/** A queue with a worker that runs these tasks. */
export const layerWorking = <E, R>(
  store: StoreName,
  handlers: Layer.Layer<never, E, R | TaskRegistry>,
  changed?: Partial<QueueSettings.QueueSettings>
) =>
  Sluice.layerWorker().pipe(
    Layer.provideMerge(handlers),
    Layer.provideMerge(storeOf(store)),
    Layer.provide(Layer.succeed(QueueSettings.Settings, { ...standard, ...changed }))
  )

const queueOf = <E>(layer: Layer.Layer<TaskQueue, E>) =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, TaskQueue))

/** A queue on each store, for as long as the scope: SQLite on this file. */
export const queues = (file: string) =>
  Effect.all([
    queueOf(Sluice.layerMemory().pipe(Layer.provide(settings))),
    queueOf(layerFile(file).pipe(Layer.provide(settings)))
  ])

/** With a worker each. */
export const workingQueues = <E>(file: string, handlers: Layer.Layer<never, E, TaskRegistry>) => {
  const worker = Sluice.layerWorker().pipe(Layer.provideMerge(handlers))
  return Effect.all([
    queueOf(worker.pipe(Layer.provideMerge(Sluice.layerMemory()), Layer.provide(settings))),
    queueOf(worker.pipe(Layer.provideMerge(layerFile(file)), Layer.provide(settings)))
  ])
}
