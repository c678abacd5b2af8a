/**
 * One look at the store, for all rules together. Its cost grows with groups and workers and with the minutes looked
 * back on, not with jobs.
 */
import { Cause, Effect } from "effect"
import type { Complain } from "../../Queue/Complaints.ts"
import type { KeyRecord } from "../../Store/KeyRecord.ts"
import type { Store } from "../../Store/Store.ts"
import { isWorkerAlive } from "../../Store/WorkerRecord.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import type { AlertRule } from "../AlertRule.ts"
import { type Look, needs, type Outlook } from "../policy/Figures.ts"
import type { AnomalyWatch } from "./AnomalyWatch.ts"
import type { Outlooks } from "./Outlooks.ts"
import type { RecentMinutes } from "./RecentMinutes.ts"

/** Below this share of the store's limit no outlook is worth its cost: the limit is far. */
const nearLimit = 0.5

/** Groups whose outlook a rule asks for; all, once the store fills. */
const groupsAhead = (rules: ReadonlyArray<AlertRule>, look: Omit<Look, "outlooks">): ReadonlyArray<string> => {
  const { live, maxLive } = look.status
  const isFilling = live >= nearLimit * maxLive && rules.some(({ metric }) => metric === "forecast-limit")
  const about = rules.filter(({ metric }) => metric === "forecast-backlog").map(({ subject }) => subject)
  return look.groups
    .map(({ name }) => name)
    .filter((name) => isFilling || about.includes(undefined) || about.includes(name))
}

/** Limited keys of one look, those with the most waiting jobs first. */
const keysSeen = 1_000

/** The first of each group. */
const fullestOf = (keys: ReadonlyArray<KeyRecord>): ReadonlyMap<string, KeyRecord> => {
  const first = new Map<string, KeyRecord>()
  for (const key of keys) if (key.waiting > 0 && !first.has(key.group)) first.set(key.group, key)
  return first
}

/** Where a look comes from; what is remembered from look to look is in the last three. */
export interface Sources {
  readonly store: Store
  readonly recent: RecentMinutes
  readonly watch: AnomalyWatch
  readonly outlooks: Outlooks
}

export const lookAtStore = (
  { outlooks: ahead, recent, store, watch }: Sources,
  rules: ReadonlyArray<AlertRule>,
  now: number,
  complain: Complain
): Effect.Effect<Look, StoreError> =>
  Effect.gen(function* () {
    const { keys, minutesMs, outlookMs, unusual } = needs(rules)
    const groups = yield* store.jobs.groups
    const look: Omit<Look, "outlooks"> = {
      now,
      groups,
      pending: Map.groupBy(
        (yield* store.jobs.counters).filter(({ count, state }) => state === "pending" && count > 0),
        ({ group }) => group
      ),
      oldestPending: yield* store.jobs.oldestPending,
      fullest: keys ? fullestOf(yield* store.jobs.limitKeys({}, keysSeen)) : new Map(),
      paused: yield* store.jobs.paused,
      workers: (yield* store.workers.all).filter((worker) => isWorkerAlive(worker, now)),
      status: yield* store.jobs.status,
      minutes: yield* recent.read(now, minutesMs),
      minutesMs,
      unusual: unusual
        ? yield* Effect.catchDefect(watch.look(now, groups.length), (defect) =>
            Effect.as(complain("anomalies", "Nothing unusual can be told", Cause.die(defect)), new Map())
          )
        : new Map()
    }
    const outlooks = new Map<string, Outlook>()
    for (const group of groupsAhead(rules, look)) {
      const outlook = yield* Effect.catchDefect(ahead.of(look, group, outlookMs), (defect) =>
        Effect.as(
          complain(`outlook ${group}`, `What is ahead of ${group} cannot be told`, Cause.die(defect)),
          undefined
        )
      )
      if (outlook !== undefined) outlooks.set(group, outlook)
    }
    return { ...look, outlooks }
  })
