/**
 * The forecasts of all groups in one process, brought up to date from the store's roll-ups: each complete step once, in order, never
 * again. A clock that goes back gives nothing to read until it has passed the last step seen; one that goes forward leaves steps that
 * nobody recorded, which are missing.
 */
import { Effect } from "effect"
import type { JobStore, RollUpWidth } from "../JobStore.ts"
import { completeTo, type Step, stepsOf } from "../policy/ArrivalSteps.ts"
import { rollUpRetentionMs } from "../policy/RollUps.ts"
import { afterStep, noService } from "../policy/ServiceTime.ts"
import type { StepWidth } from "../ScaleSettings.ts"
import type { StoreError } from "../StoreError.ts"
import type { ForecastMaker } from "./Forecasting.ts"
import { forecastStateKind, type GroupForecast, restored, textOf } from "./ForecastState.ts"
import { Slices } from "./Slices.ts"

type Store = JobStore["Service"]

/** Which steps a group is forecast in. Undefined: it is off. */
export type GridOf = (group: string) => { readonly stepMs: StepWidth; readonly timeZone: string } | undefined

/** Steps read at a time for all groups, and for one. */
const chunkOfAll = 30
const chunkOfOne = 720
/** A forecast kept by a clock that was further ahead than this is made anew instead of waited for, in milliseconds. */
const aheadMost = 86_400_000

/** A number from 0 to 1 for a name (FNV-1a): spreads the saves of many groups over the time between two of one. */
const phaseOf = (name: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return (hash >>> 0) / 2 ** 32
}

export class ForecastBook {
  private readonly store: Store
  private readonly maker: ForecastMaker
  private readonly settleMs: number
  private readonly groups = new Map<string, GroupForecast>()
  /** Up to where the steps of a width were searched for groups not known yet. */
  private readonly scannedTo = new Map<StepWidth, number>()

  constructor(store: Store, maker: ForecastMaker, settleMs: number) {
    this.store = store
    this.maker = maker
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
   * Takes over what the store keeps where it has seen more than this process; the rest is told of by roll-ups. `scanned`: what the
   * last leader said of `scanned()`.
   */
  restore(gridOf: GridOf, now: number, scanned: Readonly<Record<string, number>>): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const slices = new Slices()
      for (const [width, to] of Object.entries(scanned)) {
        if (to <= now + aheadMost) this.scannedTo.set(Number(width) as StepWidth, to)
      }
      for (const document of yield* this.store.documents(forecastStateKind)) {
        this.takeOver(document, gridOf, now)
        yield* slices.pause
      }
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
    const there = restored(document.key, document, { ...wanted, notAfter: now + aheadMost }, this.maker)
    if (there === undefined || (here !== undefined && here.to > there.to && here.grid.stepMs === there.grid.stepMs)) {
      if (here !== undefined) here.version = document.version
      return
    }
    this.groups.set(document.key, there)
  }

  /**
   * Reads every complete step that has not been seen, for all groups, oldest first. Ends early, answering false, when `budgetMs` of
   * this process's time are spent; the next call goes on.
   */
  advanceAll(gridOf: GridOf, widths: Iterable<StepWidth>, now: number, budgetMs: number): Effect.Effect<boolean, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const slices = new Slices()
      for (const width of widths) {
        const to = this.complete(width, now)
        // The width of a group was changed: what it knew does not fit.
        for (const each of [...this.groups.values()]) {
          const wanted = gridOf(each.group)
          if (wanted === undefined || wanted.stepMs !== each.grid.stepMs || wanted.timeZone !== each.grid.timeZone)
            this.groups.delete(each.group)
        }
        for (let from = this.firstUnseen(width, to); from < to; ) {
          const until = Math.min(to, from + chunkOfAll * width)
          const steps = yield* this.read(width, from, until)
          for (const name of namesIn(steps)) {
            const wanted = gridOf(name)
            if (wanted?.stepMs === width && !this.groups.has(name)) this.begin(name, steps, wanted)
          }
          for (const each of this.groups.values()) {
            if (each.grid.stepMs !== width) continue
            if (slices.spentMs > budgetMs) return false
            this.feed(each, steps)
            yield* slices.pause
          }
          this.scannedTo.set(width, until)
          from = until
        }
      }
      return true
    })
  }

  /** The same for one group, whatever the others have seen; undefined: it has never had an arrival, or is off. */
  advanceOne(group: string, gridOf: GridOf, now: number): Effect.Effect<GroupForecast | undefined, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const wanted = gridOf(group)
      if (wanted === undefined) return undefined
      if (!this.groups.has(group)) {
        const document = (yield* this.store.documents(forecastStateKind)).find(({ key }) => key === group)
        if (document !== undefined) this.takeOver(document, gridOf, now)
      }
      const slices = new Slices()
      const width = wanted.stepMs
      const to = this.complete(width, now)
      for (let from = this.groups.get(group)?.to ?? this.oldest(width, to); from < to; ) {
        const until = Math.min(to, from + chunkOfOne * width)
        const steps = yield* this.read(width, from, until, group)
        if (!this.groups.has(group)) this.begin(group, steps, wanted)
        const each = this.groups.get(group)
        if (each !== undefined) {
          for (const step of steps) {
            this.feed(each, [step])
            yield* slices.pause
          }
        }
        from = until
      }
      return this.groups.get(group)
    })
  }

  /** A forecast made anew from everything the store still knows, instead of the present one. */
  rebuild(group: string, gridOf: GridOf, now: number): Effect.Effect<GroupForecast | undefined, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const wanted = gridOf(group)
      if (wanted === undefined) return undefined
      const fresh = new ForecastBook(this.store, this.maker, this.settleMs)
      const before = this.groups.get(group)
      const slices = new Slices()
      const to = this.complete(wanted.stepMs, now)
      for (let from = this.oldest(wanted.stepMs, to); from < to; ) {
        const until = Math.min(to, from + chunkOfOne * wanted.stepMs)
        const steps = yield* this.read(wanted.stepMs, from, until, group)
        if (!fresh.groups.has(group)) fresh.begin(group, steps, wanted)
        const each = fresh.groups.get(group)
        for (const step of each === undefined ? [] : steps) {
          fresh.feed(each!, [step])
          yield* slices.pause
        }
        from = until
      }
      const made = fresh.groups.get(group)
      if (made === undefined) return before
      made.version = before?.version ?? 0
      made.savedTo = Number.NEGATIVE_INFINITY
      this.groups.set(group, made)
      return made
    })
  }

  /** Writes the forecasts whose save is due, or all; one that another process has written since is dropped, to be taken over. */
  save(now: number, everyMs: number): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const slices = new Slices()
      for (const each of [...this.groups.values()]) {
        if (each.to <= each.savedTo || each.to - each.savedTo < everyMs) continue
        const version = yield* this.store.putDocument(forecastStateKind, each.group, textOf(each), {
          now,
          version: each.version
        })
        if (version === undefined) this.groups.delete(each.group)
        else {
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
      const rollUps = yield* this.store.rollUps(group === undefined ? query : { ...query, group })
      const resources = yield* this.store.resourceRollUps(query)
      return stepsOf(rollUps, resources, { from, to, stepMs: width })
    })
  }

  private oldest(width: StepWidth, to: number): number {
    return Math.max(0, to - Math.floor(rollUpRetentionMs[width] / width) * width)
  }

  private firstUnseen(width: StepWidth, to: number): number {
    let from = this.scannedTo.get(width) ?? this.oldest(width, to)
    for (const { grid, to: seen } of this.groups.values()) if (grid.stepMs === width && seen < from) from = seen
    return Math.max(from, this.oldest(width, to))
  }

  /** A group begins with its first arrival: what lay before it says nothing of its load. */
  private begin(group: string, steps: ReadonlyArray<Step>, grid: { readonly stepMs: number; readonly timeZone: string }) {
    const first = steps.find((step) => (step.groups.get(group)?.arrivals ?? 0) > 0)
    if (first === undefined) return
    const start = first.start
    this.groups.set(group, {
      group,
      grid: { ...grid, start },
      forecaster: this.maker.make({ ...grid, start }),
      to: start,
      lastCount: undefined,
      service: noService,
      tasks: new Set(),
      version: 0,
      savedTo: Number.NEGATIVE_INFINITY
    })
  }

  private feed(each: GroupForecast, steps: ReadonlyArray<Step>): void {
    const { stepMs } = each.grid
    for (const step of steps) {
      if (step.start < each.to) continue
      // Longer ago than roll-ups are kept: nobody can say what was there.
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
  }
}

const namesIn = (steps: ReadonlyArray<Step>): ReadonlySet<string> =>
  new Set(steps.flatMap(({ groups }) => [...groups.keys()]))
