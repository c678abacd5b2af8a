/**
 * The forecasts of all groups in one process, brought up to date from the store's roll-ups: each complete step once, in
 * order, never again. A clock that goes back gives nothing to read until it has passed the last step seen; one that
 * goes forward leaves steps that nobody recorded, which are missing.
 */
import { Cause, Effect } from "effect"
import type { Complain } from "../../Queue/Complaints.ts"
import type { Store } from "../../Store/Store.ts"
import type { RollUpWidth } from "../../Store/RollUp.ts"
import { completeTo, type Step, stepsOf } from "../policy/ArrivalSteps.ts"
import { afterStep, figuresOf, noService } from "../policy/ServiceMoments.ts"
import { Staffing } from "../policy/staffing/Staffing.ts"
import type { StaffingSettings } from "../policy/staffing/StaffingSettings.ts"
import type { StepWidth } from "../ScaleSettings.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import { forecasterOn, trackRecordOf } from "./Forecasting.ts"
import { forecastStateKind, type GroupForecast, restored, textOf } from "./ForecastState.ts"
import { oldestKept } from "./Past.ts"
import { Slices } from "./Slices.ts"

/** Which steps a group is forecast in. Undefined: it is off. */
export type GridOf = (group: string) => Grid | undefined

export interface Grid {
  readonly stepMs: StepWidth
  readonly timeZone: string
}

/** Widths that steps may have. */
const widths: ReadonlyArray<StepWidth> = [10_000, 60_000, 3_600_000]

/** Steps read at a time for all groups, and for one. */
const chunkOfAll = 30
const chunkOfOne = 720
/**
 * Staffing learns from so much of the past, in milliseconds: two days show it the peaks, at a fifth of a millisecond a
 * step.
 */
const learnedMs = 2 * 86_400_000
/** A forecast kept by a clock that was further ahead than this is made anew instead of waited for, in milliseconds. */
const aheadMost = 86_400_000

/** A number from 0 to 1 for a name (FNV-1a): spreads the saves of many groups over the time between two of one. */
const phaseOf = (name: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return (hash >>> 0) / 2 ** 32
}

export class ForecastBook {
  private readonly store: Pick<Store, "rollUps" | "documents">
  private readonly settleMs: number
  private readonly groups = new Map<string, GroupForecast>()
  /** Up to where the steps of a width were searched for groups not known yet. */
  private readonly scannedTo = new Map<StepWidth, number>()

  private readonly complain: Complain

  constructor(store: Pick<Store, "rollUps" | "documents">, settleMs: number, complain: Complain) {
    this.complain = complain
    this.store = store
    this.settleMs = settleMs
  }

  get(group: string): GroupForecast | undefined {
    return this.groups.get(group)
  }

  all(): Iterable<GroupForecast> {
    return this.groups.values()
  }

  drop(group: string): void {
    this.groups.delete(group)
  }

  scanned(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.scannedTo)
  }

  /** The end of the last step that is complete. */
  complete(stepMs: number, now: number): number {
    return completeTo(now, stepMs, this.settleMs)
  }

  /**
   * Takes over what the store keeps where it has seen more than this process; the rest is told of by roll-ups.
   * `scanned`: what the last leader said of `scanned()`.
   */
  restore(gridOf: GridOf, now: number, scanned: Readonly<Record<string, number>>): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const slices = yield* Slices.make()
      for (const [width, to] of Object.entries(scanned)) {
        if (to <= now + aheadMost) this.scannedTo.set(Number(width) as StepWidth, to)
      }
      for (const document of yield* this.store.documents.all(forecastStateKind)) {
        yield* this.alone(document.key, () => this.takeOver(document, gridOf, now))
        yield* slices.pause
      }
    })
  }

  /** What goes wrong for a group is its own: its forecast begins anew. */
  private alone(group: string, body: () => void): Effect.Effect<void> {
    return Effect.catchDefect(Effect.sync(body), (defect) => {
      this.groups.delete(group)
      return this.complain(
        `forecast ${group}`,
        `The forecast of group ${group} failed and begins anew`,
        Cause.die(defect)
      )
    })
  }

  private takeOver(
    document: { readonly key: string; readonly text: string; readonly version: number },
    gridOf: GridOf,
    now: number
  ): void {
    const wanted = gridOf(document.key)
    if (wanted === undefined) return
    const here = this.groups.get(document.key)
    if (here !== undefined && here.version === document.version) return
    const there = restored(document.key, document, { ...wanted, notAfter: now + aheadMost })
    if (there === undefined || (here !== undefined && here.to > there.to && here.grid.stepMs === there.grid.stepMs)) {
      if (here !== undefined) here.version = document.version
      return
    }
    this.groups.set(document.key, there)
  }

  /**
   * Reads every complete step that has not been seen, for all groups, oldest first. Ends early, answering false, when
   * `budgetMs` of this process's time are spent; the next call goes on. Staffing learns from steps that passed without
   * a decision.
   */
  advanceAll(
    gridOf: GridOf,
    settingsOf: (group: string) => StaffingSettings,
    now: number,
    budgetMs: number
  ): Effect.Effect<boolean, StoreError> {
    return Effect.gen({ self: this }, function* () {
      for (const each of [...this.groups.values()]) {
        if (!this.fits(each, gridOf(each.group))) this.groups.delete(each.group)
      }
      const slices = yield* Slices.make()
      for (const width of widths) {
        const to = this.complete(width, now)
        for (let from = this.firstUnseen(width, to); from < to; ) {
          const until = Math.min(to, from + chunkOfAll * width)
          const steps = yield* this.read(width, from, until)
          for (const name of namesIn(steps)) {
            const wanted = gridOf(name)
            if (wanted?.stepMs !== width || this.groups.has(name)) continue
            const started = begun(name, steps, wanted)
            if (started !== undefined) this.groups.set(name, started)
          }
          for (const each of this.groups.values()) {
            if (each.grid.stepMs !== width) continue
            if (slices.spentMs > budgetMs) return false
            yield* this.alone(each.group, () =>
              rehearse(each, steps, { settings: settingsOf(each.group), from: to - learnedMs, to: to - width })
            )
            yield* slices.pause
          }
          this.scannedTo.set(width, until)
          from = until
        }
      }
      return true
    })
  }

  /** The same for one group, whatever the others have seen; undefined: it has never had an arrival. */
  advanceOne(group: string, grid: Grid, now: number): Effect.Effect<GroupForecast | undefined, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const here = this.groups.get(group)
      if (here === undefined || !this.fits(here, grid)) {
        this.groups.delete(group)
        const document = yield* this.store.documents.get(forecastStateKind, group)
        if (document !== undefined) this.takeOver(document, () => grid, now)
      }
      const known = this.groups.get(group)
      const slices = yield* Slices.make()
      const brought = yield* this.bring(known, group, grid, now, slices.pause)
      if (brought !== undefined) this.groups.set(group, brought)
      return brought
    })
  }

  /** A forecast made anew from everything the store still knows, beside the present one. `share`: see `Slices`. */
  remade(group: string, grid: Grid, now: number, share: number): Effect.Effect<GroupForecast | undefined, StoreError> {
    return Effect.flatMap(Slices.make(share), ({ pause }) => this.bring(undefined, group, grid, now, pause))
  }

  /**
   * Serves a forecast made anew instead of the present one, if it would have been better, or the present one is ahead
   * of the clock.
   */
  choose(fresh: GroupForecast, now: number): void {
    const served = this.groups.get(fresh.group)
    const isAhead = served !== undefined && served.to > this.complete(served.grid.stepMs, now)
    if (served !== undefined && !isAhead && !isBetter(fresh, served)) return
    fresh.version = served?.version ?? 0
    this.groups.set(fresh.group, fresh)
  }

  private bring(
    known: GroupForecast | undefined,
    group: string,
    grid: Grid,
    now: number,
    pause: Effect.Effect<void>
  ): Effect.Effect<GroupForecast | undefined, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const width = grid.stepMs
      const to = this.complete(width, now)
      let each = known
      for (let from = known?.to ?? oldestKept(width, to); from < to; ) {
        const until = Math.min(to, from + chunkOfOne * width)
        const steps = yield* this.read(width, from, until, group)
        each ??= begun(group, steps, grid)
        if (each !== undefined) {
          for (const step of steps) {
            feed(each, step)
            yield* pause
          }
        }
        from = until
      }
      return each
    })
  }

  private fits(each: GroupForecast, wanted: Grid | undefined): boolean {
    return wanted !== undefined && wanted.stepMs === each.grid.stepMs && wanted.timeZone === each.grid.timeZone
  }

  /**
   * Writes the forecasts whose save is due, or all. Where the store holds another version (another process wrote it, or
   * this one and never heard the answer) the one that has seen more is gone on with.
   */
  save(now: number, everyMs: number): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const slices = yield* Slices.make()
      for (const each of [...this.groups.values()]) {
        if (each.to <= each.savedTo || each.to - each.savedTo < everyMs) continue
        const version = yield* this.store.documents.put(forecastStateKind, each.group, textOf(each), {
          now,
          version: each.version
        })
        if (version === undefined) {
          const document = yield* this.store.documents.get(forecastStateKind, each.group)
          if (document === undefined) each.version = 0
          else this.takeOver(document, () => ({ ...each.grid, stepMs: each.grid.stepMs as StepWidth }), now)
        } else {
          // The first save of many groups that began together is early for some: later ones are spread.
          const early = each.version === 0 ? phaseOf(each.group) * everyMs : 0
          each.version = version
          each.savedTo = each.to - early
        }
        yield* slices.pause
      }
    })
  }

  /** What the store says of steps of a width, all groups or one. */
  private read(
    width: StepWidth,
    from: number,
    to: number,
    group?: string
  ): Effect.Effect<ReadonlyArray<Step>, StoreError> {
    const query = { width: width satisfies RollUpWidth, from, to }
    return Effect.gen({ self: this }, function* () {
      const rollUps = yield* this.store.rollUps.jobs(group === undefined ? query : { ...query, group })
      const resources = yield* this.store.rollUps.resources(query)
      return stepsOf(rollUps, resources, { from, to, stepMs: width })
    })
  }

  private firstUnseen(width: StepWidth, to: number): number {
    let from = this.scannedTo.get(width) ?? oldestKept(width, to)
    for (const { grid, to: seen } of this.groups.values()) if (grid.stepMs === width && seen < from) from = seen
    return Math.max(from, oldestKept(width, to))
  }
}

const namesIn = (steps: ReadonlyArray<Step>): ReadonlySet<string> =>
  new Set(steps.flatMap(({ groups }) => [...groups.keys()]))

/** A group begins with its first arrival: what lay before it says nothing of its load. */
const begun = (group: string, steps: ReadonlyArray<Step>, grid: Grid): GroupForecast | undefined => {
  const start = steps.find((step) => (step.groups.get(group)?.arrivals ?? 0) > 0)?.start
  if (start === undefined) return undefined
  return {
    group,
    grid: { ...grid, start },
    forecaster: forecasterOn({ ...grid, start }),
    to: start,
    lastCount: undefined,
    service: noService,
    tasks: new Set(),
    staffing: new Staffing(),
    foreseen: undefined,
    version: 0,
    savedTo: Number.NEGATIVE_INFINITY
  }
}

/** Shows a forecast a step it has not seen; those between, of which nothing is known, are missing. */
const feed = (each: GroupForecast, step: Step): void => {
  const { stepMs } = each.grid
  if (step.start < each.to) return
  for (; each.to < step.start; each.to += stepMs) each.forecaster.update(undefined)
  const cell = step.groups.get(each.group)
  each.lastCount = step.measured ? (cell?.arrivals ?? 0) : undefined
  each.forecaster.update(each.lastCount)
  if (cell !== undefined) {
    each.service = afterStep(each.service, cell, stepMs)
    for (const task of cell.tasks) each.tasks.add(task)
  }
  each.to = step.start + stepMs
}

/** The same, and lets staffing live through the steps between `from` and `to` as if each were the present. */
const rehearse = (
  each: GroupForecast,
  steps: ReadonlyArray<Step>,
  { from, settings, to }: { readonly settings: StaffingSettings; readonly from: number; readonly to: number }
): void => {
  const { stepMs } = each.grid
  const stepsRehearsed = Math.ceil(each.staffing.lookAheadMs(settings) / stepMs) + 1
  for (const step of steps) {
    if (step.start < each.to) continue
    if (step.start >= from && step.start < to && step.measured && each.forecaster.steps > 0) {
      const past = {
        from: step.start,
        stepMs,
        count: step.groups.get(each.group)?.arrivals ?? 0,
        before: each.lastCount,
        after: undefined,
        forecast: {
          from: each.to,
          stepMs,
          steps: each.forecaster.forecast(stepsRehearsed),
          last: each.lastCount
        },
        record: trackRecordOf(each.forecaster.quality())
      }
      each.staffing.learn(past, { ...settings, serviceMs: figuresOf(each.service).meanMs })
    }
    feed(each, step)
  }
}

/** Whether one would have erred less by more than chance: 2 %. */
const isBetter = (one: GroupForecast, other: GroupForecast): boolean => {
  const [error, served] = [one, other].map(({ forecaster }) => forecaster.quality().accuracy)
  return error !== undefined && (served === undefined || 1 - error < (1 - served) * 0.98)
}
