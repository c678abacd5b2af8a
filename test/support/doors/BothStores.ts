/** The same queue on every store: a door must take the same and give the same back, wherever jobs rest. */
import { Effect, Layer } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { QueueSettings, Sluice, type TaskRegistry } from "../../../src/services/Queue/index.ts"
import { pollInterval } from "../../../src/testing/TestQueue.ts"

export const storeNames = ["memory", "SQLite"] as const
export type StoreName = (typeof storeNames)[number]

const settings = Layer.succeed(QueueSettings.Settings, { ...QueueSettings.defaults, pollInterval })

const folderOf = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "sluice-doors-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** The store, new and empty; a file of its own is removed with the layer. */
const storeOf = (store: StoreName) =>
  store === "memory"
    ? Sluice.layerMemory()
    : Layer.unwrap(
        Effect.map(folderOf, (folder) =>
          Sluice.layerSqlite({
            path: path.join(folder, "jobs.db"),
            thread: false,
            durability: "relaxed",
            reserveBytes: 0
          })
        )
      )

/** A queue without a worker: what is enqueued stays as it is. */
export const layerQueue = (store: StoreName) => storeOf(store).pipe(Layer.provide(settings))

/** A queue with a worker that runs these tasks. */
export const layerWorking = <E, R>(store: StoreName, handlers: Layer.Layer<never, E, R | TaskRegistry>) =>
  Sluice.layerWorker().pipe(Layer.provideMerge(handlers), Layer.provideMerge(storeOf(store)), Layer.provide(settings))
