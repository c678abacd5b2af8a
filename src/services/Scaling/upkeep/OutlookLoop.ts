/**
 * Makes the outlooks that deferrable jobs are placed by, for the groups that have such jobs, and starts jobs that were
 * put off when the load has turned out otherwise. One worker does it for the store.
 */
import { Clock, Duration, Effect, Layer } from "effect"
import { startsNow } from "../../Limits/policy/Deferring.ts"
import { askedForMs, outlookEveryMs, outlookIn, outlookKind, outlookText } from "../../Limits/OutlookDocument.ts"
import { GroupOrders } from "../../Queue/GroupOrders.ts"
import type { JobId } from "../../Queue/Job.ts"
import { PredictiveScaler } from "../../Queue/PredictiveScaler.ts"
import { layerLed } from "../../Queue/upkeep/Leading.ts"
import * as Stores from "../../Store/Store.ts"
import type { Store } from "../../Store/Store.ts"
import { readOutlook } from "../rounds/Outlooks.ts"
import { readSituation } from "../rounds/Situation.ts"

/** How far ahead, and how far where steps are so narrow that a day of them is too many. */
const [horizon, nearHorizon] = [Duration.days(1), Duration.hours(4)]
/** Scheduled jobs of a group that one pass looks at: their records are read whole. */
const lookedAt = 100
const noTasks: ReadonlySet<string> = new Set()

/** A page of a group's scheduled jobs after `after`: those that were put off. `next` undefined: it was the last one. */
const putOffIn = (store: Store, group: string, after: JobId | undefined) =>
  Effect.map(
    store.jobs.list(
      { groups: [group], states: ["scheduled"] },
      { limit: lookedAt, order: "oldest", ...(after === undefined ? {} : { cursor: after }) }
    ),
    ({ jobs, next }) => ({
      next,
      jobs: jobs.flatMap(({ due, extra, id, task, waitReason }) =>
        extra?.deferredFrom === undefined || extra.deadline === undefined || waitReason !== "time"
          ? []
          : [{ id, task, due, deadline: extra.deadline }]
      )
    })
  )

/** What the loop does each minute. Made once: it remembers where it stands. */
export const makePass = Effect.sync(() => {
  /** By group: up to where jobs that were put off have been looked at. */
  const cursors = new Map<string, JobId>()

  return Effect.gen(function* () {
    const store = yield* Stores.store
    const scaler = yield* PredictiveScaler
    const orders = yield* GroupOrders
    const documents = yield* store.documents.all(outlookKind)
    if (documents.length === 0) return
    const now = yield* Clock.currentTimeMillis
    const { groups } = yield* readSituation(store, now, () => noTasks)
    for (const { key: group, text, version } of documents) {
      const situation = groups.get(group)
      const askedAt = outlookIn(text)?.askedAt ?? now
      if (situation === undefined || now - askedAt > askedForMs) {
        yield* store.documents.put(outlookKind, group, undefined, { now, version })
        cursors.delete(group)
        continue
      }
      const prediction = yield* scaler
        .predictLoad(group, horizon)
        .pipe(Effect.catchTag("ScaleInvalid", () => Effect.orDie(scaler.predictLoad(group, nearHorizon))))
      const { outlook, runs } = yield* readOutlook(store, prediction, situation)
      const made = outlookText({ askedAt, outlook: outlook ?? null, runs })
      if (made !== text) yield* store.documents.put(outlookKind, group, made, { now, version })
      if (outlook === undefined) continue

      const { jobs, next } = yield* putOffIn(store, group, cursors.get(group))
      if (next === undefined) cursors.delete(group)
      else cursors.set(group, next)
      const known = jobs.flatMap((job) => {
        const run = runs[job.task]
        return run === undefined ? [] : [{ ...job, run }]
      })
      const busy = situation.running + situation.pending
      const ids = startsNow(outlook, { now, busy, withinMs: outlookEveryMs }, known).map(({ id }) => id)
      if (ids.length === 0) continue
      const rankings = orders.rankings()
      yield* store.jobs.change({ ids }, { _tag: "Edit", due: now, rankings }, { now, limit: ids.length })
    }
  })
})

/** Reads one kind of documents a minute where no job is deferrable. */
export const layer = Layer.unwrap(
  Effect.map(makePass, (pass) => layerLed("outlook", Effect.succeed(Duration.millis(outlookEveryMs)), pass))
)
