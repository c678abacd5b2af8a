/**
 * The targets that stand in the store, for a process that carries them out without being the one that decides.
 *
 * They stay in force when nobody decides any more: a leader that is gone is replaced within two rounds, and a store
 * that does not answer is no reason to take workers away.
 */
import { Clock, Effect } from "effect"
import { JobStore } from "../../Store/JobStore.ts"
import { Documents } from "../../Store/Documents.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { isWorkerAlive } from "../../Store/WorkerRecord.ts"
import { scaleTargetKind, targetsOf } from "../rounds/Targets.ts"
import type { GroupTarget } from "./Actuator.ts"
import { line } from "../../Text/policy/SafeText.ts"

export interface CurrentTargets {
  /** Of the groups in mode `on`. */
  readonly targets: ReadonlyArray<GroupTarget>
  /** Whether any other group runs jobs, or has some waiting that a living worker knows. */
  readonly othersBusy: boolean
}

/** Reads documents, counters and workers once. One that cannot be read counts as none. */
export const read = Effect.gen(function* () {
  const store = yield* JobStore
  const registry = yield* WorkerRegistry
  const documents = yield* (yield* Documents).all(scaleTargetKind)
  const now = yield* Clock.currentTimeMillis
  const workers = (yield* registry.all).filter((worker) => isWorkerAlive(worker, now))
  const counters = yield* store.counters
  const targets: Array<GroupTarget> = []
  for (const [key, { target }] of targetsOf(documents)) {
    if (target === undefined) {
      yield* Effect.logDebug(`The target of group ${line(key)} cannot be read; it is passed over`)
      continue
    }
    const { at, group, reason, slots } = target
    targets.push({
      group,
      desired: slots,
      current: workers.reduce((sum, worker) => sum + (worker.draining ? 0 : (worker.slots[group] ?? 0)), 0),
      reason,
      decidedAt: at
    })
  }
  const scaled = new Set(targets.map(({ group }) => group))
  const known = new Set(workers.flatMap(({ tasks }) => tasks))
  const othersBusy = counters.some(
    ({ count, group, state, task }) =>
      count > 0 && !scaled.has(group) && (state === "running" || (state === "pending" && known.has(task)))
  )
  return { targets, othersBusy } satisfies CurrentTargets
})
