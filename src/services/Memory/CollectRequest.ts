/**
 * How an operator asks a worker, wherever it runs, to collect garbage: a job of a task that only this process serves.
 * It travels as any job does, needs nothing of the store, and brings the report back.
 */
import { Schema } from "effect"
import type { CollectionReport } from "./MemoryGate.ts"
import * as ResourceGroup from "../Queue/ResourceGroup.ts"
import * as Task from "../Queue/Task.ts"

/** Shown as JSON by `sluice memory gc`. */
export const CollectionShape = Schema.Struct({
  reason: Schema.Literals(["pays", "little-garbage", "busy", "too-soon", "asked", "unavailable"]),
  collected: Schema.Boolean,
  pauseMs: Schema.Finite,
  freedHeapBytes: Schema.Finite,
  freedExternalBytes: Schema.Finite,
  freedRssBytes: Schema.Finite
})

const prefix = "sluice.gc/"

/** Whether a task is the queue's own, served for operators and of no interest in lists. */
export const isCollectTask = (task: string): boolean => task.startsWith(prefix)

/** Of the process with this id on this host. `ifItPays` leaves the decision to `Memory/policy/CollectionPays.ts`. */
export const collectTask = (host: string, pid: number) => {
  const place = `${host.replaceAll(/[^A-Za-z0-9._-]/g, "-").slice(0, 60)}:${pid}`
  return Task.make(`${prefix}${place}`, {
    payload: Schema.Struct({ ifItPays: Schema.Boolean }),
    success: CollectionShape as Schema.Codec<CollectionReport, CollectionReport>,
    group: ResourceGroup.computation,
    priority: 1,
    retry: "none",
    hardLimit: "1 minute",
    expiresIn: "1 minute"
  })
}
