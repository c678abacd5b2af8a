/**
 * How many slots a group should have: what runs and will still run, what will arrive until new slots could be there,
 * and what waits. Pure: no clock, no randomness; the same observations give the same decisions, and a state restored
 * goes on exactly as the one saved.
 *
 * Needs of three kinds, of which the largest counts: by the forecast (arrivals at a quantile within the start-up time,
 * with an Erlang-C margin on their variance and on that of the jobs still running), by what arrived last, and by
 * working off what waits. A forecast that is worse than the naive one, badly covered, stale or cold is left out; the
 * last arrivals then carry the reserve. The quantile is learned (`TrialFleets.ts`) unless one is set. See
 * docs/decisions/0009-staffing.md.
 */
import { ArrivalOutlook, type Outlook, type OutlookState } from "./ArrivalOutlook.ts"
import { bounded, type Held, nothingHeld } from "./Bounds.ts"
import { arrivalsForecast, endOf, type ForecastSteps } from "./ForecastSteps.ts"
import type { LogHistogramState } from "./LogHistogram.ts"
import { ServiceTime } from "./ServiceTime.ts"
import { StartUpTime, type StartUpTimeState } from "./StartUpTime.ts"
import type { Observation, StaffingDecision } from "./StaffingDecision.ts"
import type { StaffingSettings } from "./StaffingSettings.ts"
import { type Pace, transientNeed } from "./Transient.ts"
import { firstRisk, type Risk, type Terms, TrialFleets, type TrialFleetsState } from "./TrialFleets.ts"
import { type Distrust, distrustOf, type TrackRecord } from "./Trust.ts"

/** Until one was learned. */
const firstServiceMs = 1000
const firstStartUpMs = 15_000
const leastWaitMs = 1000
const waitPerService = 0.1
/** The furthest that is looked ahead; a start-up time beyond is planned for as if it were this. */
const mostTicksAhead = 60
/** A silence longer than so many ticks is a gap: what came in it is not known by the tick. */
const mostTicksAtOnce = 10
/** A forecast so many steps, and so many ticks, older than it should be is stale. */
const staleSteps = 3

/** Plain JSON. */
export interface StaffingState {
  readonly version: 2
  readonly outlook: OutlookState
  readonly seen: Outlook | undefined
  readonly fleets: TrialFleetsState
  readonly service: LogHistogramState
  readonly startUp: StartUpTimeState
  readonly tickFrom: number | undefined
  readonly gathered: number
  readonly wasLate: boolean
  readonly isGathered: boolean
  readonly forecast: ForecastSteps | undefined
  readonly distrust: Distrust | undefined
  readonly held: Held
  readonly idleFrom: number | undefined
  readonly starts: ReadonlyArray<{ readonly at: number; readonly slots: number }>
}

/** A step of the past, to learn from before the first decision. */
export interface PastStep {
  readonly from: number
  readonly stepMs: number
  readonly count: number
  /** Of the steps before and after. */
  readonly before: number | undefined
  readonly after: number | undefined
  /** What had been forecast when it began, beginning with this step. */
  readonly forecast: ForecastSteps | undefined
  readonly record: TrackRecord | undefined
}

const whole = (value: number): number => (value >= 0 && Number.isFinite(value) ? value : 0)

export class Staffing {
  private outlook = new ArrivalOutlook()
  private seen: Outlook | undefined
  private fleets = new TrialFleets()
  private service = new ServiceTime()
  private startUp = new StartUpTime()
  private tickFrom: number | undefined
  private gathered = 0
  /** Whether a job that came at the end of the last tick would have waited beyond the objective. */
  private wasLate = false
  private isGathered = true
  private forecast: ForecastSteps | undefined
  private distrust: Distrust | undefined = "cold"
  private held: Held = nothingHeld
  private idleFrom: number | undefined
  private starts: ReadonlyArray<{ readonly at: number; readonly slots: number }> = []

  static restore(state: StaffingState): Staffing {
    const staffing = new Staffing()
    staffing.outlook = ArrivalOutlook.restore(state.outlook)
    staffing.seen = state.seen
    staffing.fleets = TrialFleets.restore(state.fleets)
    staffing.service = new ServiceTime(state.service)
    staffing.startUp = StartUpTime.restore(state.startUp)
    staffing.tickFrom = state.tickFrom
    staffing.gathered = state.gathered
    staffing.wasLate = state.wasLate
    staffing.isGathered = state.isGathered
    staffing.forecast = state.forecast
    staffing.distrust = state.distrust
    staffing.held = state.held
    staffing.idleFrom = state.idleFrom
    staffing.starts = state.starts
    return staffing
  }

  save(): StaffingState {
    return {
      version: 2,
      outlook: this.outlook.save(),
      seen: this.seen,
      fleets: this.fleets.save(),
      service: this.service.save(),
      startUp: this.startUp.save(),
      tickFrom: this.tickFrom,
      gathered: this.gathered,
      wasLate: this.wasLate,
      isGathered: this.isGathered,
      forecast: this.forecast,
      distrust: this.distrust,
      held: this.held,
      idleFrom: this.idleFrom,
      starts: this.starts
    }
  }

  /** Of each trial fleet, what it would have cost. For people who ask why so much is kept in reserve. */
  standings(settings: StaffingSettings) {
    return this.fleets.standings(this.terms(settings))
  }

  /** How far a forecast must reach for decisions to go by it, in milliseconds from the tick that is under way. */
  lookAheadMs(settings: StaffingSettings): number {
    return (this.terms(settings).startUpTicks + 1) * settings.tickMs
  }

  /**
   * A step of the past, oldest first: the outlook and the trial fleets go through it tick by tick as if it were the
   * present, so that the first decision is already an experienced one. Cost: tens of microseconds for each tick in it.
   */
  learn(step: PastStep, settings: StaffingSettings): void {
    const ticks = Math.max(1, Math.round(step.stepMs / settings.tickMs))
    const shape = Array.from({ length: ticks }, (_, tick) => {
      const aside = (tick + 0.5) / ticks - 0.5
      const beside = (aside < 0 ? step.before : step.after) ?? step.count
      return step.count + (beside - step.count) * Math.abs(aside)
    })
    const sum = shape.reduce((a, b) => a + b, 0)
    this.follow(step.forecast, step.record, step.from, settings)
    let arrived = 0
    let counted = 0
    for (let tick = 0; tick < ticks; tick++) {
      this.tickFrom = step.from + tick * settings.tickMs
      arrived += sum > 0 ? (shape[tick]! / sum) * step.count : 0
      // Whole jobs, as they come: half a job in each of two minutes is not what a fleet meets.
      const jobs = Math.round(arrived) - counted
      counted += jobs
      this.endTick(jobs, step.forecast, settings)
    }
  }

  /** Cost: below 0.1 ms when a tick has ended, far less else. Never fails: what is not finite counts as nothing. */
  decide(observation: Observation, settings: StaffingSettings): StaffingDecision {
    for (const { jobs, ms } of observation.served ?? []) this.service.observe(ms, jobs)
    for (const ms of observation.startUps ?? []) this.startUp.observe(ms)
    const at = Number.isFinite(observation.at) ? observation.at : (this.tickFrom ?? 0)
    const forecast = observation.forecast ?? this.forecast
    this.advance(Math.min(at, whole(observation.arrivalsTo ?? at)), observation, forecast, settings)
    this.follow(forecast, observation.record, at, settings)
    const seen = this.seen ?? this.look(forecast, settings)
    const running = whole(observation.running)
    const waiting = whole(observation.waiting)
    const ready = whole(observation.ready)
    const starting = whole(observation.starting)
    this.countStarts(starting, at)
    if (running + waiting > 0 || whole(observation.arrivals ?? 0) > 0) this.idleFrom = undefined
    else this.idleFrom ??= at

    const terms = this.terms(settings)
    const { pace } = terms
    const isLearned = settings.quantile === undefined && this.fleets.hasTried
    const risk: Risk =
      settings.quantile !== undefined
        ? { quantile: settings.quantile, shareFactor: 1, standing: 0 }
        : isLearned
          ? this.fleets.risk
          : firstRisk
    const margin = this.fleets.margin(terms.objective, risk)
    const reserve = 1 + this.outlook.quantile(risk.quantile) * seen.spread
    const remaining =
      observation.elapsedMs === undefined
        ? undefined
        : this.remaining(observation.elapsedMs, running + waiting, seen.expected.length, pace)
    const situation = {
      jobs: running + waiting,
      slots: seen.expected.map((_, tick) => this.slotsIn(tick, at, ready, terms))
    }
    const needFor = (path: ReadonlyArray<number>, factor: number) =>
      transientNeed({ ...situation, arrivals: path.map((each) => each * factor) }, { ...pace, remaining }, margin)
    const isTrusted = this.distrust === undefined
    const ahead = needFor(seen.expected, reserve)
    const reactive = isTrusted ? needFor(seen.reactive, 1) : ahead
    const needs = {
      forecast: isTrusted ? ahead.load : undefined,
      reactive: reactive.load,
      backlog: Math.max(ahead.backlog, reactive.backlog),
      standing: this.fleets.standing(risk.standing)
    }
    const most = Math.max(needs.forecast ?? 0, needs.reactive, needs.backlog, needs.standing)
    const largest =
      (["forecast", "reactive", "backlog", "standing"] as const).find((need) => needs[need] === most) ?? "reactive"
    const wanted = Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(most - 1e-9))
    const expected = seen.expected.reduce((a, b) => a + b, 0)
    const present = {
      at,
      slots: ready + starting,
      running,
      mayBeZero:
        settings.minSlots <= 0 &&
        needs.standing === 0 &&
        this.idleFrom !== undefined &&
        at - this.idleFrom >= settings.holdDownMs &&
        expected <= settings.lateShare
    }
    const { held, limitedBy, target } = bounded(present.mayBeZero ? 0 : wanted, present, this.held, settings)
    this.held = held
    if (target > ready + starting) this.starts = [...this.starts, { at, slots: target - ready - starting }]
    return {
      target,
      reason: limitedBy.at(-1) ?? largest,
      needs,
      largest,
      wanted,
      limitedBy,
      draining: target < running,
      distrust: this.distrust,
      risk,
      riskFrom: settings.quantile !== undefined ? "settings" : isLearned ? "learned" : "default",
      expected,
      atQuantile: expected * reserve,
      forecastWeight: seen.forecastWeight,
      serviceMs: pace.serviceMs,
      startUpMs: this.startUpMs(settings),
      waitMs: this.waitMs(settings)
    }
  }

  /** Ends the ticks that have passed. `at`: up to when arrivals are known. */
  private advance(
    at: number,
    { arrivals, ready, waiting }: Observation,
    forecast: ForecastSteps | undefined,
    settings: StaffingSettings
  ): void {
    const { tickMs } = settings
    if (this.tickFrom === undefined || at < this.tickFrom || at - this.tickFrom > mostTicksAtOnce * tickMs) {
      // The first look, a clock that went back, or a gap: nothing is known of a whole tick.
      if (this.tickFrom !== undefined) this.endTick(undefined, forecast, settings)
      this.tickFrom = at
      this.gathered = 0
      this.isGathered = true
      return
    }
    this.gathered += whole(arrivals ?? 0)
    const isKnown = arrivals !== undefined && arrivals >= 0 && Number.isFinite(arrivals)
    this.isGathered &&= isKnown
    const passed = at - this.tickFrom
    const ticks = Math.floor(passed / tickMs)
    if (ticks === 0) return
    const each = this.isGathered ? (this.gathered * tickMs) / passed : undefined
    // A job that comes now would wait until those before it have slots.
    const isLate = whole(waiting) * this.serviceMs(settings) > Math.max(1, whole(ready)) * this.waitMs(settings)
    const late = ((this.wasLate ? 1 : 0) + (isLate ? 1 : 0)) / 2
    this.wasLate = isLate
    for (let tick = 0; tick < ticks; tick++) {
      this.endTick(each, forecast, settings, late)
      this.tickFrom += tickMs
    }
    this.gathered = each === undefined ? 0 : this.gathered - each * ticks
    this.isGathered = isKnown
  }

  private endTick(
    arrivals: number | undefined,
    next: ForecastSteps | undefined,
    settings: StaffingSettings,
    late?: number
  ): void {
    const { tickMs } = settings
    const from = this.tickFrom!
    const foreseen = this.forecast === undefined ? undefined : arrivalsForecast(this.forecast, from, tickMs)
    this.outlook.observe(arrivals, foreseen)
    this.tickFrom = from + tickMs
    this.seen = this.look(next, settings)
    this.tickFrom = from
    if (arrivals === undefined) return
    const { expected, spread } = this.seen
    this.fleets.tick(
      arrivals,
      (quantile) => {
        const reserve = 1 + this.outlook.quantile(quantile) * spread
        return expected.map((coming) => coming * reserve)
      },
      this.terms(settings),
      late === undefined ? undefined : late * arrivals
    )
  }

  /** From the tick that begins now. */
  private look(forecast: ForecastSteps | undefined, settings: StaffingSettings): Outlook {
    const from = this.tickFrom ?? 0
    const ticks = this.lookAheadMs(settings) / settings.tickMs
    const at = (tick: number) => arrivalsForecast(forecast!, from + tick * settings.tickMs, settings.tickMs)
    const isKnown = forecast !== undefined && at(0) !== undefined && at(ticks - 1) !== undefined
    return this.outlook.look(ticks, isKnown ? (tick) => at(tick) ?? 0 : undefined, this.distrust === undefined)
  }

  private follow(
    forecast: ForecastSteps | undefined,
    record: TrackRecord | undefined,
    at: number,
    { forecast: isWanted, tickMs }: StaffingSettings
  ): void {
    const isStale =
      forecast === undefined ||
      at >= Math.min(endOf(forecast), forecast.from + Math.max(staleSteps * forecast.stepMs, staleSteps * tickMs))
    this.distrust = isWanted
      ? distrustOf(forecast === undefined ? undefined : record, isStale, this.distrust)
      : "set aside"
    this.forecast = forecast
  }

  private serviceMs(settings: StaffingSettings): number {
    return Math.max(1, settings.serviceMs ?? this.service.meanMs ?? firstServiceMs)
  }

  private startUpMs(settings: StaffingSettings): number {
    return settings.startUpMs ?? this.startUp.ms ?? firstStartUpMs
  }

  private waitMs(settings: StaffingSettings): number {
    return settings.waitMs ?? Math.max(leastWaitMs, waitPerService * this.serviceMs(settings))
  }

  private terms(settings: StaffingSettings): Terms {
    const { changesPerHour, drainMs, holdDownMs, lateShare, latePrice, maxSlots, minSlots, tickMs } = settings
    const serviceMs = this.serviceMs(settings)
    return {
      pace: { serviceMs, tickMs, drainMs },
      objective: { patience: onGrid(this.waitMs(settings) / serviceMs), share: lateShare },
      startUpTicks: Math.min(mostTicksAhead, Math.ceil(this.startUpMs(settings) / tickMs)),
      holdTicks: Math.ceil(holdDownMs / tickMs),
      changesPerHour,
      minSlots,
      maxSlots: Math.max(minSlots, maxSlots),
      latePrice
    }
  }

  /** Part of the jobs here now that are still there after each tick, those that wait as if they began now. */
  private remaining(
    elapsedMs: ReadonlyArray<number>,
    jobs: number,
    ticks: number,
    { serviceMs, tickMs }: Pace
  ): ReadonlyArray<number> {
    return Array.from({ length: ticks }, (_, tick) => {
      const ms = (tick + 1) * tickMs
      const known = elapsedMs.slice(0, jobs)
      const still = known.reduce((sum, elapsed) => sum + this.service.stillRunning(whole(elapsed), ms, serviceMs), 0)
      const begun = (jobs - known.length) * this.service.stillRunning(0, ms, serviceMs)
      return jobs === 0 ? 0 : (still + begun) / jobs
    })
  }

  /** Slots asked for and when: those that became ready leave, the first asked for first. */
  private countStarts(starting: number, at: number): void {
    let known = this.starts.reduce((sum, { slots }) => sum + slots, 0)
    if (known < starting) {
      this.starts = [...this.starts, { at, slots: starting - known }]
      return
    }
    this.starts = this.starts.flatMap((start) => {
      const gone = Math.min(start.slots, known - starting)
      known -= gone
      return start.slots > gone ? [{ ...start, slots: start.slots - gone }] : []
    })
  }

  private slotsIn(tick: number, at: number, ready: number, { pace, startUpTicks }: Terms): number {
    if (tick === 0) return ready
    const by = at + (tick - startUpTicks) * pace.tickMs
    return this.starts.reduce((sum, start) => (start.at <= by ? sum + start.slots : sum), ready)
  }
}

/**
 * To the nearest of values 5 % apart: margins are remembered by it while the service time that it follows moves a
 * little with each job.
 */
const onGrid = (value: number): number => Math.exp(Math.round(Math.log(Math.max(value, 1e-6)) * 20) / 20)
