/** The queue of a test process over a fault folder's store, with the settings of the fault suites. */
import { Effect, Layer } from "effect"
import { QueueSettings, Sluice } from "../../../src/services/Queue/index.ts"
import type { FaultFolder } from "./FaultFolder.ts"
import { settings } from "./FaultSettings.ts"

export const withQueue = (
  folder: FaultFolder,
  options: { readonly thread: boolean; readonly busyTimeoutMs?: number } = { thread: true }
) =>
  Effect.provide(
    Sluice.layerSqlite({ path: folder.store, ...options }).pipe(
      Layer.provideMerge(Layer.succeed(QueueSettings.Settings, settings))
    )
  )
