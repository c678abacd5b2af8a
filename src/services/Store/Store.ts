/**
 * A store whole: the four services that each store's layer brings, cut by what makes them change. Who uses a store asks
 * for the one it needs; who makes, wraps or carries one handles all of them.
 */
import { Context, Effect } from "effect"
import { Documents } from "./Documents.ts"
import { JobStore } from "./JobStore.ts"
import { RollUps } from "./RollUps.ts"
import { WorkerRegistry } from "./WorkerRegistry.ts"

export interface Store {
  readonly jobs: JobStore["Service"]
  readonly workers: WorkerRegistry["Service"]
  readonly rollUps: RollUps["Service"]
  readonly documents: Documents["Service"]
}

export type StoreServices = JobStore | WorkerRegistry | RollUps | Documents

export const toContext = ({ documents, jobs, rollUps, workers }: Store): Context.Context<StoreServices> =>
  Context.make(JobStore, jobs).pipe(
    Context.add(WorkerRegistry, workers),
    Context.add(RollUps, rollUps),
    Context.add(Documents, documents)
  )

export const store: Effect.Effect<Store, never, StoreServices> = Effect.all({
  jobs: JobStore,
  workers: WorkerRegistry,
  rollUps: RollUps,
  documents: Documents
})
