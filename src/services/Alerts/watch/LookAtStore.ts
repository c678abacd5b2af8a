/** One look at the store, for all rules together. Its cost grows with groups and workers and with the minutes looked back on, not with jobs. */
import { Effect } from "effect"
import type { JobStore, RollUp } from "../../Queue/JobStore.ts"
import type { StoreError } from "../../Queue/StoreError.ts"
import type { AskArrivals } from "../ArrivalForecast.ts"
import { projectBacklog } from "../policy/BacklogForecast.ts"
import { type Look, needs, type Outlook, serviceMs } from "../policy/Figures.ts"
import type { AlertRule } from "../AlertRule.ts"
import type { AnomalyWatch } from "./AnomalyWatch.ts"

const minuteMs = 60_000

const byGroup = <A extends { readonly group: string }>(
  rows: ReadonlyArray<A>
): ReadonlyMap<string, ReadonlyArray<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const row of rows) {
    const known = groups.get(row.group)
    if (known === undefined) groups.set(row.group, [row])
    else known.push(row)
  }
  return groups
}

/** Jobs that came lately go on coming: as a mean, with what counting alone brings at nine in ten. */
const flat = (perMinute: number, horizonMs: number) => ({
  stepMs: minuteMs,
  steps: Array.from({ length: Math.ceil(horizonMs / minuteMs) }, () => ({
    p50: perMinute,
    p90: perMinute + 1.2816 * Math.sqrt(perMinute)
  }))
})

/**
 * What the group's backlog will do. Its capacity is its slots over all workers, each doing a job in the mean time of late; undefined where no
 * slot is or no job ended lately.
 */
const outlookOf = (
  look: Omit<Look, "outlooks">,
  group: string,
  horizonMs: number,
  ask: AskArrivals | undefined
): Effect.Effect<Outlook | undefined, StoreError> =>
  Effect.gen(function* () {
    // Whole minutes only: the present one would count for too little, or for too much.
    const until = Math.floor(look.now / minuteMs) * minuteMs
    const rows: ReadonlyArray<RollUp> = (look.minutes.get(group) ?? []).filter(
      ({ start }) => start >= until - serviceMs && start < until
    )
    const ended = rows.reduce((total, { run }) => total + run.count, 0)
    const meanMs = rows.reduce((total, { run }) => total + run.sum, 0) / ended
    const { limit, paused } = look.groups.find(({ name }) => name === group)!
    const slots = look.workers.reduce((total, worker) => total + (worker.draining ? 0 : (worker.slots[group] ?? 0)), 0)
    if (ended === 0 || slots === 0) return undefined
    const backlog = (look.pending.get(group) ?? []).reduce((total, { count }) => total + count, 0)
    const asked = ask === undefined ? undefined : yield* ask(group, horizonMs)
    const arrived = rows.reduce((total, { arrivals }) => total + arrivals, 0)
    const ahead = asked ?? flat(arrived / (serviceMs / minuteMs), horizonMs)
    const perMs = paused || look.paused ? 0 : Math.min(limit, slots) / Math.max(meanMs, 0.01)
    return { backlog, path: projectBacklog({ backlog, stepMs: ahead.stepMs, steps: ahead.steps, perMs }) }
  })

export const lookAtStore = (
  store: JobStore["Service"],
  rules: ReadonlyArray<AlertRule>,
  watch: AnomalyWatch,
  ask: AskArrivals | undefined,
  now: number
): Effect.Effect<Look, StoreError> =>
  Effect.gen(function* () {
    const { minutesMs, outlookMs, unusual } = needs(rules)
    const from = Math.floor((now - minutesMs) / minuteMs) * minuteMs
    const groups = yield* store.groups
    const look: Omit<Look, "outlooks"> = {
      now,
      groups,
      pending: byGroup((yield* store.counters).filter(({ count, state }) => state === "pending" && count > 0)),
      oldestPending: yield* store.oldestPending,
      paused: yield* store.paused,
      workers: (yield* store.workers).filter(({ leaseUntil }) => leaseUntil > now),
      status: yield* store.status,
      minutes: minutesMs === 0 ? new Map() : byGroup(yield* store.rollUps({ width: minuteMs, from, to: now + 1 })),
      minutesMs,
      unusual: unusual ? yield* watch.look(now) : new Map()
    }
    const outlooks = new Map<string, Outlook>()
    if (outlookMs > 0) {
      for (const { name } of groups) {
        const outlook = yield* outlookOf(look, name, outlookMs, ask)
        if (outlook !== undefined) outlooks.set(name, outlook)
      }
    }
    return { ...look, outlooks }
  })
