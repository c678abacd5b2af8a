/**
 * The store as `sluice top` shows it. Each look is bounded: counters, the first jobs of each state, the newest
 * roll-ups, and the log lines that are new of the jobs in view. Alerts are read every few seconds, forecasts every
 * minute and only where a worker keeps one.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Alerts, AlertMetrics } from "../../services/Alerts/index.ts"
import {
  type JobId,
  type JobRecord,
  type JobState,
  PredictiveScaler,
  type QueueStats,
  ResourceGroup,
  ShellTask,
  SlotDecisions,
  TaskQueue,
  type WorkerRecord,
  decisionOf,
  totalOf
} from "../../services/Queue/index.ts"
import { keptStates } from "../scale/Standing.ts"
import { whatItDoes } from "../../api/JobShape.ts"
import { workerState } from "../../api/WorkerShape.ts"
import { relativeTime } from "../terminal/RelativeTime.ts"
import { forget, hear, type Heard, lastLine, nothingHeard, progressText } from "./LastWords.ts"
import * as RecentCounts from "./RecentCounts.ts"
import type { Followed, ShownAlert, ShownGroup, ShownJob, ShownWorker, Snapshot } from "./Snapshot.ts"

export interface Asked {
  /** Of this group only. */
  readonly group: string | undefined
  /** Whether a text is looked for: more jobs are read then. */
  readonly filtered: boolean
  readonly following: JobId | undefined
  /** The jobs whose last line is wanted, of those that were read. */
  readonly inView: (snapshot: Snapshot) => ReadonlyArray<JobId>
}

const { bounders, isHeld } = SlotDecisions

/** Jobs that are read of each state shown, in the order in which they are shown. */
const read: ReadonlyArray<readonly [state: JobState, order: "oldest" | "newest", most: number]> = [
  ["running", "oldest", 100],
  ["pending", "oldest", 100],
  ["scheduled", "oldest", 50],
  ["failed", "newest", 50]
]
/** The same while a text is looked for: the most that a store hands out at once. */
const mostFiltered = 1000

const alertsEveryMs = 5_000
const forecastsEveryMs = 60_000

const waitsFor = (job: JobRecord, now: number): string =>
  job.state !== "scheduled"
    ? ""
    : job.waitReason === "parents"
      ? "after others"
      : job.waitReason === "key"
        ? "after its key"
        : job.waitReason === "limit"
          ? "for its limit"
          : `due ${relativeTime(job.due, now)}`

type NextHour = NonNullable<ShownGroup["nextHour"]>

/**
 * One reader for as long as the screen is shown: what it has heard of jobs, counts, alerts and forecasts stays with it.
 */
export const makeReading = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const alerts = yield* Alerts
  const scaler = yield* PredictiveScaler
  const recent = new RecentCounts.RecentCounts()
  let heard = new Map<JobId, Heard>()
  yield* Effect.addFinalizer(() => Effect.sync(() => heard.forEach(forget)))
  let shownAlerts: ReadonlyArray<ShownAlert> = []
  let alertsAt = Number.NEGATIVE_INFINITY
  let nextHours = new Map<string, NextHour>()

  const toShown = (job: JobRecord, now: number): ShownJob => ({
    id: job.id,
    state: job.state,
    group: job.group,
    what: ShellTask.isShellTask(job.task) ? whatItDoes(job) : `${job.task} ${whatItDoes(job)}`,
    since: (job.state === "running" ? job.startedAt : job.finishedAt) ?? job.enqueuedAt,
    said:
      job.state === "running"
        ? progressText(job)
        : job.state === "scheduled"
          ? waitsFor(job, now)
          : (job.failure?.message ?? "")
  })

  const listed = (asked: Asked) =>
    Effect.forEach(read, ([state, order, most]) =>
      queue.list(
        { states: [state], ...(asked.group === undefined ? {} : { groups: [asked.group] }) },
        { limit: asked.filtered ? mostFiltered : most, order }
      )
    ).pipe(Effect.map((pages) => pages.flatMap(({ jobs }) => jobs)))

  const groupsOf = (stats: QueueStats, only: string | undefined, now: number): ReadonlyArray<ShownGroup> => {
    const counted = new Map<string, Record<"running" | "waiting" | "failed", number>>()
    for (const { count, group, state } of stats.counters) {
      const sum = counted.get(group) ?? { running: 0, waiting: 0, failed: 0 }
      if (state === "running" || state === "failed") sum[state] += count
      else if (state === "pending") sum.waiting += count
      counted.set(group, sum)
    }
    const names = new Set([
      ...ResourceGroup.defaults.map(({ name }) => name),
      ...stats.groups.map(({ name }) => name),
      ...counted.keys()
    ])
    return (
      [...names]
        .filter((name) => only === undefined || name === only)
        .sort()
        .map((name) => {
          const record = stats.groups.find((group) => group.name === name)
          return {
            name,
            limit: record?.limit ?? ResourceGroup.undeclaredLimit,
            paused: record?.paused ?? false,
            ...(counted.get(name) ?? { running: 0, waiting: 0, failed: 0 }),
            ...recent.figures(name, now),
            nextHour: nextHours.get(name)
          }
        })
        // Where something happens first; by name among equals, so that rows do not jump.
        .sort((a, b) => Number(isBusy(b)) - Number(isBusy(a)))
    )
  }

  const lookAtAlerts = Effect.gen(function* () {
    const { alerts: standing } = yield* alerts.overview
    shownAlerts = standing
      .filter(({ phase, silencedBy }) => phase === "firing" && silencedBy === undefined)
      .map(({ metric, rule, severity, since, subject, text }) => ({
        critical: severity === "critical",
        rule,
        about: subject === "" ? AlertMetrics.metricSpec(metric).of : subject,
        text,
        since
      }))
  })

  /** The next hour of the groups whose forecast a worker keeps: none is learned for a screen. */
  const lookAtForecasts = Effect.gen(function* () {
    const found = new Map<string, NextHour>()
    for (const group of yield* keptStates) {
      const { distrust, quality, total } = yield* scaler.predictLoad(group, Duration.hours(1))
      const { p05, p95 } = total.arrivalsWithin
      // What the scaler leaves out is shown to nobody as a forecast.
      if (distrust === undefined && quality.steps > 0) found.set(group, { expected: total.arrivals, p05, p95 })
      yield* Effect.yieldNow
    }
    nextHours = found
  })

  const listen = (jobs: ReadonlyArray<JobRecord>) =>
    Effect.gen(function* () {
      const now = new Map<JobId, Heard>()
      for (const job of jobs) now.set(job.id, yield* hear(job, heard.get(job.id) ?? nothingHeard))
      for (const [id, before] of heard) if (!now.has(id)) forget(before)
      heard = now
    })

  const look = (asked: Asked) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      if (now - alertsAt >= alertsEveryMs) {
        yield* lookAtAlerts
        alertsAt = now
      }
      const stats = yield* queue.stats
      recent.add(yield* queue.rollUps({ width: RecentCounts.width, from: recent.from(now), to: now + 1 }), now)
      const jobs = yield* listed(asked)
      const counts: Record<JobState, number> = {
        scheduled: 0,
        pending: 0,
        running: 0,
        completed: 0,
        failed: 0,
        cancelled: 0
      }
      for (const { count, group, state } of stats.counters)
        if (asked.group === undefined || group === asked.group) counts[state] += count
      const workers = stats.workers.map(
        (worker): ShownWorker => ({
          session: worker.session,
          name: worker.name,
          state: workerState(worker, now),
          busy: Object.values(worker.load?.busy ?? {}).reduce((sum, busy) => sum + busy, 0),
          ...filled(worker),
          cpu: worker.load?.cpu,
          rssBytes: worker.load?.rssBytes,
          lastBeat: worker.lastBeat
        })
      )
      const snapshot: Snapshot = {
        at: now,
        store: queue.store.label,
        paused: stats.paused,
        counts,
        groups: groupsOf(stats, asked.group, now),
        workers,
        alerts: shownAlerts,
        jobs: jobs.map((job) => toShown(job, now)),
        unread: Math.max(0, read.reduce((sum, [state]) => sum + counts[state], 0) - jobs.length),
        followed: undefined
      }
      const following = asked.following === undefined ? undefined : yield* queue.get(asked.following)
      const inView = new Set(asked.inView(snapshot))
      const running = jobs.filter(({ id, state }) => state === "running" && inView.has(id) && id !== following?.id)
      yield* listen(following === undefined ? running : [...running, following])
      const withLast = (job: ShownJob): ShownJob => {
        const words = job.state === "running" ? heard.get(job.id) : undefined
        const last = words === undefined ? undefined : lastLine(words)
        return last === undefined ? job : { ...job, said: job.said === "" ? last : `${job.said}  ${last}` }
      }
      const followed: Followed | undefined =
        following === undefined
          ? undefined
          : {
              job: toShown(following, now),
              lines: heard.get(following.id)?.lines ?? [],
              total: heard.get(following.id)?.total ?? 0
            }
      return { ...snapshot, jobs: snapshot.jobs.map(withLast), followed }
    })

  return {
    /** Fails with the store, or when the followed job is gone. */
    look,
    /** Looks at the forecasts now and every minute. */
    forecasts: lookAtForecasts.pipe(Effect.ignore, Effect.andThen(Effect.sleep(forecastsEveryMs)), Effect.forever)
  }
})

/** The slots that a worker fills, and what holds it to fewer than were asked for. */
const filled = (worker: WorkerRecord): Pick<ShownWorker, "slots" | "heldBy"> => {
  const decisions = Object.keys(worker.slots).flatMap((group) => decisionOf(worker, group) ?? [])
  const all = decisions.reduce((sum, { slots }) => sum + slots, 0)
  const total = totalOf(worker)
  const held = new Set(
    [...decisions, ...(total === undefined ? [] : [total])].filter(isHeld).map(({ by }) => by.source)
  )
  if (total !== undefined && total.slots < all) held.add("total")
  return { slots: Math.min(all, total?.slots ?? all), heldBy: bounders.filter((source) => held.has(source)) }
}

const isBusy = ({ failed, running, waiting }: ShownGroup): boolean => running + waiting + failed > 0
