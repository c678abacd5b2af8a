/**
 * Where the alerts meet the queue:
 *
 * ```ts
 * const Main = AlertLayers.layerWatching.pipe(
 *   Layer.provideMerge(Sluice.layerWorker()),
 *   Layer.provideMerge(Sluice.layerSqlite({ path: "jobs.db" }))
 * )
 * ```
 */
import { Layer } from "effect"
import * as AlertsLive from "./AlertsLive.ts"
import * as AlertLoop from "./upkeep/AlertLoop.ts"

/** Rules, silences and what became of them, over a queue's store. Looks only when told to. */
export const layer = AlertsLive.layer

/** The same, and looks whenever this process's worker leads. Beside a worker. */
export const layerWatching = AlertLoop.layer.pipe(Layer.provideMerge(AlertsLive.layer))
