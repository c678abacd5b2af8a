/**
 * The fleet of `ScalingRun.ts` on paper: the same jobs, the same past, the scaler's own decisions, and processes as
 * they are there, by a clock that costs nothing. Differences between policies show here in seconds; what real
 * processes, stores and clocks add shows in the live run.
 */
import { Effect } from "effect"
import { processCount } from "../../../src/services/Scaling/policy/ProcessCount.ts"
import type { GroupRecord } from "../../../src/services/Scaling/rounds/LeaderRecord.ts"
import { decide, staffingSettingsOf, takenUp } from "../../../src/services/Scaling/rounds/Round.ts"
import type { ScaleSettings } from "../../../src/services/Scaling/ScaleSettings.ts"
import { SeededRandom } from "../SeededRandom.ts"
import { type Arrival, arrivalsOf, type DayShape, pastCounts } from "./CompressedDay.ts"
import { bookOver, RecordedSteps } from "./RecordedSteps.ts"
import { processesMost, scaledGroup, slotsMost, slotsOfProcess } from "./ScaledTask.ts"

export interface VirtualOptions extends DayShape {
  /** A number: so many processes, always. */
  readonly variant: "predictive" | "reactive" | number
  readonly settings: ScaleSettings
  readonly startUpMs: number
  readonly roundMs: number
  readonly pastDays: number
  readonly beforeMs: number
  readonly seed: number
}

export interface VirtualResult {
  readonly waits: ReadonlyArray<{ readonly at: number; readonly waitMs: number }>
  readonly workerSeconds: number
  readonly decisions: ReadonlyArray<{ readonly at: number; readonly to: number; readonly reason: string }>
  /** Of the decisions' rounds, the part in which the forecast was trusted. */
  readonly trusted: number
  readonly processes: ReadonlyArray<readonly [at: number, processes: number]>
}

/**
 * As `ScalingRun.ts` sees them: a look a second, a process that joins a moment after it is ready, a step read a second
 * after its end.
 */
const lookMs = 500
const joinMs = 500
const settleMs = 1000
const followMs = 2000
const runMs = 2000

interface Process {
  readonly readyAt: number
  drainedAt: number | undefined
}

export const virtualDay = (options: VirtualOptions): VirtualResult => {
  const { beforeMs, dayMs, pastDays, roundMs, seed, settings, startUpMs, variant } = options
  const stepMs = 10_000
  const arrivals = arrivalsOf(options, beforeMs, new SeededRandom(seed))
  const begin = 1_800_000_000_000
  const midnight = begin + beforeMs
  const steps = Math.round((pastDays * dayMs - beforeMs) / stepMs)
  const past = pastCounts(options, pastDays, new SeededRandom(seed + 1)).slice(0, steps)
  const recorded = new RecordedSteps({ group: scaledGroup, start: begin - steps * stepMs, stepMs, runMs }, past)
  const book = bookOver(recorded, settleMs)
  const isScaled = typeof variant !== "number"
  const limits = staffingSettingsOf(settings, slotsMost, settings.startupMs ?? undefined)
  const advance = (now: number) =>
    Effect.runSync(
      book.advanceAll(
        () => ({ stepMs, timeZone: "UTC" }),
        () => limits,
        now,
        Number.POSITIVE_INFINITY
      )
    )

  const processes: Array<Process> = []
  for (let i = 0; i < (isScaled ? 2 : variant); i++) processes.push({ readyAt: begin, drainedAt: undefined })
  const claiming = () => processes.filter(({ drainedAt }) => drainedAt === undefined)
  const readyAt = (now: number) => claiming().filter((each) => each.readyAt <= now).length

  /** When each running job ends. */
  let running: Array<number> = []
  const waiting: Array<Arrival> = []
  const waits: Array<{ at: number; waitMs: number }> = []
  const decisions: Array<{ at: number; to: number; reason: string }> = []
  const seen: Array<readonly [number, number]> = []
  let record: GroupRecord | undefined
  let target = isScaled ? 2 * slotsOfProcess : variant * slotsOfProcess
  let rounds = 0
  let trusted = 0
  let recentTo = begin
  let isFirst = true
  let workerMs = 0

  const decideAt = (now: number) => {
    advance(now)
    const forecast = book.get(scaledGroup)
    if (forecast === undefined) return
    const to = book.complete(stepMs, now)
    const recent = recorded.between(recentTo, to)
    recentTo = to
    const slots = Math.min(target, readyAt(now) * slotsOfProcess)
    if (isFirst) forecast.staffing = takenUp(forecast.staffing, now, target)
    const { decision, record: next } = decide({
      now,
      situation: {
        group: scaledGroup,
        limit: slotsMost,
        paused: false,
        policy: {},
        pending: waiting.length,
        running: running.length,
        oldestMs: 0,
        slots,
        workers: readyAt(now)
      },
      settings,
      staffing: forecast.staffing,
      isFirst,
      forecast,
      complete: to,
      recent: {
        arrivals: recent.reduce((sum, { arrivals }) => sum + arrivals, 0),
        served: recent.map(({ arrivals }) => ({ ms: runMs, jobs: arrivals }))
      },
      recentTo: to,
      events: [],
      startupMs: settings.startupMs ?? undefined,
      startUps: [],
      before: record,
      frozen: undefined
    })
    isFirst = false
    record = next
    target = next.target
    if (now >= midnight) {
      rounds++
      if (next.distrust === null) trusted++
      if (decision !== undefined) decisions.push({ at: now - midnight, to: decision.to, reason: decision.reason })
    }
  }

  const follow = (now: number) => {
    const wanted = processCount(
      [{ slots: target, perProcess: slotsOfProcess }],
      { min: 1, max: processesMost },
      { processes: claiming().length, others: false }
    )
    for (let i = claiming().length; i < wanted; i++)
      processes.push({ readyAt: now + startUpMs + joinMs, drainedAt: undefined })
    const leaving = claiming()
      .toSorted((a, b) => Number(a.readyAt <= now) - Number(b.readyAt <= now) || b.readyAt - a.readyAt)
      .slice(0, Math.max(0, claiming().length - wanted))
    for (const each of leaving) {
      if (each.readyAt > now) processes.splice(processes.indexOf(each), 1)
      else each.drainedAt = now + runMs
    }
  }

  const serve = (now: number) => {
    running = running.filter((end) => end > now)
    const slots = Math.min(target, readyAt(now) * slotsOfProcess)
    while (waiting.length > 0 && running.length < slots) {
      const { at, ms } = waiting.shift()!
      if (at >= 0) waits.push({ at, waitMs: Math.max(0, now - midnight - at) })
      running.push(now + ms)
    }
  }

  advance(begin)
  let next = 0
  for (let now = begin; now < midnight + dayMs || waiting.length > 0; now += lookMs) {
    for (; next < arrivals.length && arrivals[next]!.at + midnight <= now; next++) {
      waiting.push(arrivals[next]!)
      recorded.arrived(arrivals[next]!.at + midnight)
    }
    recorded.passed(now)
    if (isScaled && (now - begin) % roundMs === 0) decideAt(now)
    if (isScaled && (now - begin) % followMs === 0) follow(now)
    serve(now)
    for (let i = processes.length - 1; i >= 0; i--)
      if ((processes[i]!.drainedAt ?? now + 1) <= now) processes.splice(i, 1)
    if (now >= midnight && now < midnight + dayMs) {
      workerMs += processes.length * lookMs
      if ((now - midnight) % 5000 === 0) seen.push([now - midnight, processes.length])
    }
  }
  return {
    waits,
    workerSeconds: Math.round(workerMs / 1000),
    decisions,
    trusted: rounds === 0 ? 1 : trusted / rounds,
    processes: seen
  }
}
