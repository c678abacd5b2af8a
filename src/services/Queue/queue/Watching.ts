/**
 * Who looks at a job as it changes. A turn of this process that touches the job says so at once; what other processes
 * do to it is heard of through the store's wakes, with the poll interval under them. A job that nobody watches costs a
 * turn nothing.
 */
import { Effect, Scope } from "effect"
import type { JobId } from "../Job.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { Settings } from "../QueueSettings.ts"
import { StoreTurns } from "../../Store/StoreTurns.ts"
import type { Turn, TurnResult } from "../../Store/Turn.ts"

/** One who watches: `changed` until it looks. */
class Watcher {
  private changed = true
  private resume: (() => void) | undefined

  nudge(): void {
    this.changed = true
    this.resume?.()
  }

  /** Completes when there is something to look at; at once the first time. */
  readonly next: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const look = () => {
      this.changed = false
      this.resume = undefined
      resume(Effect.void)
    }
    if (this.changed) return look()
    this.resume = look
    return Effect.sync(() => {
      this.resume = undefined
    })
  })
}

export type Watching = Effect.Success<typeof makeWatching>

export const makeWatching = Effect.gen(function* () {
  const store = yield* JobStore
  const turns = yield* StoreTurns
  const settings = yield* Settings
  const watched = new Map<JobId, Set<Watcher>>()

  const nudge = (id: JobId) => {
    const watchers = watched.get(id)
    if (watchers !== undefined) for (const watcher of watchers) watcher.nudge()
  }

  const taken = ({ progress, settle }: Turn, { batches = [], ended = [], jobs }: TurnResult) => {
    if (watched.size === 0) return
    for (const { id } of progress) nudge(id)
    for (const { id } of settle) nudge(id)
    for (const { id } of jobs) nudge(id)
    for (const batch of batches) for (const { id } of batch) nudge(id)
    for (const id of ended) nudge(id)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => turns.onTaken(taken)),
    (quit) => Effect.sync(quit)
  )
  const scope = yield* Effect.scope
  const listening = yield* store
    .onWake((_, origin) => {
      if (watched.size > 0 && origin !== turns.origin) for (const id of watched.keys()) nudge(id)
    })
    .pipe(Scope.provide(scope), Effect.cached)

  /**
   * Until the scope closes: an effect that completes when the job may have changed since it completed last; at once the
   * first time.
   */
  return (id: JobId): Effect.Effect<Effect.Effect<void>, never, Scope.Scope> =>
    Effect.gen(function* () {
      const watcher = new Watcher()
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const watchers = watched.get(id)
          if (watchers === undefined) watched.set(id, new Set([watcher]))
          else watchers.add(watcher)
        }),
        () =>
          Effect.sync(() => {
            const watchers = watched.get(id)
            watchers?.delete(watcher)
            if (watchers?.size === 0) watched.delete(id)
          })
      )
      yield* listening
      yield* store.watch
      yield* Effect.sleep(settings.pollInterval).pipe(
        Effect.andThen(Effect.sync(() => watcher.nudge())),
        Effect.forever,
        Effect.forkScoped
      )
      return watcher.next
    })
})
