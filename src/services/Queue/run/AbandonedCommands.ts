/**
 * Takes over commands whose own process has gone: a `run` or `map` that was killed leaves jobs in its private lane,
 * which nobody else claims. A worker for commands serves such lanes until they are empty. It keeps away from lanes that
 * have an owner.
 */
import { Clock, Effect, Exit, Scope } from "effect"
import { JobStore } from "../../Store/JobStore.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { lanesInUse, ownerOf } from "./PrivateLane.ts"
import { laneTask, type ShellTask } from "./ShellTask.ts"

/**
 * Looks each `everyMs` until the scope closes; `serve` registers a handler for a lane's task until its scope closes. A
 * look costs one small query while no such lane is in use; one that fails is left to the next.
 */
export const serveOrphans = <E, R>(
  serve: (task: ShellTask) => Effect.Effect<unknown, E, R | Scope.Scope>,
  everyMs: number
): Effect.Effect<never, never, JobStore | WorkerRegistry | Exclude<R, Scope.Scope> | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const registry = yield* WorkerRegistry
    const parent = yield* Scope.Scope
    const served = new Map<number, Scope.Closeable>()

    const look = Effect.gen(function* () {
      const inUse = lanesInUse(yield* store.counters)
      if (inUse.size === 0 && served.size === 0) return
      const workers = yield* registry.all
      const now = yield* Clock.currentTimeMillis
      for (const lane of inUse) {
        if (served.has(lane) || ownerOf(lane, workers, now) !== undefined) continue
        const scope = yield* Scope.fork(parent)
        yield* Scope.provide(serve(laneTask(lane)), scope)
        served.set(lane, scope)
      }
      for (const [lane, scope] of served) {
        if (inUse.has(lane)) continue
        served.delete(lane)
        yield* Scope.close(scope, Exit.void)
      }
    })

    return yield* look.pipe(Effect.ignore, Effect.andThen(Effect.sleep(everyMs)), Effect.forever)
  })
