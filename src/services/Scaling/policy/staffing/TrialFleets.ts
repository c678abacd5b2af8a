/**
 * How careful to be, learned by trying: a dozen fleets that exist on paper only meet the arrivals that really came,
 * each with another quantile of the coming arrivals and another share of late jobs in its margin. They pay for slots as
 * a real fleet does, wait as long for new ones, hold them as long, and their jobs wait when slots are short. The one
 * that would have cost least, late jobs beyond the objective priced in slots, is followed. On steady load that is a
 * fleet with next to no reserve; where bursts come out of nothing it is one with a large one; no quantile serves both.
 * What they know of the future is what the real decision knows.
 *
 * The trial is a fluid one: jobs are fractions, the part that waits too long follows from the backlog, and while there
 * is none from Erlang C.
 */
import { ErlangMargin, type WaitObjective, waitExceeds } from "./ErlangC.ts"
import { LogHistogram, type LogHistogramState } from "./LogHistogram.ts"
import { upperTail } from "../../../Profiling/policy/Regression.ts"
import { leaked, settled } from "./Turnover.ts"
import { ended, keptPerTick, type Pace, transientNeed } from "./Transient.ts"

/** How careful a fleet is. */
export interface Risk {
  /** Of the coming arrivals. */
  readonly quantile: number
  /** Part of the late jobs allowed that the margin allows. */
  readonly shareFactor: number
  /**
   * Slots that are never given up: as many as would have been in use at once, at most, for this part of the jobs. 0:
   * none.
   */
  readonly standing: number
}

const quantiles = [0.5, 0.8, 0.9, 0.95]
const shareFactors = [1, 0.1]
const standingLevels = [0, 0.5, 0.8, 0.9, 0.95]

export const risks: ReadonlyArray<Risk> = quantiles.flatMap((quantile) =>
  shareFactors.flatMap((shareFactor) => standingLevels.map((standing) => ({ quantile, shareFactor, standing })))
)
/** What is gone by until enough has been tried: one step in ten runs short of slots and is caught up. */
export const firstRisk: Risk = { quantile: 0.9, shareFactor: 1, standing: 0 }
const first = risks.findIndex(
  ({ quantile, shareFactor, standing }) =>
    quantile === firstRisk.quantile && shareFactor === firstRisk.shareFactor && standing === firstRisk.standing
)

/**
 * Ticks after which what a fleet cost counts half: about five days of minutes, so that each day of a week has its say.
 */
const halfLife = 7200
const memory = 2 ** (-1 / halfLife)
/** Late jobs for which trial and reality are taken to agree: a number, and a part of all jobs. */
const fewestCompared = 10
const comparedPart = 0.01
/** Fewer jobs in service than this are none. */
const leastInUse = 0.01
/**
 * Part of the late jobs allowed that is aimed at: an average that is just met is missed half of the time, and a week is
 * a small sample of bursts.
 */
const aim = 0.8
/** Ticks before another fleet is followed for the first time. */
const fewestTicks = 240
/** Another fleet has to cost less by so much to be followed. */
const worthChanging = 0.01
/** Ticks between changes. */
const betweenChanges = 30

/** What the fleets are run under. */
export interface Terms {
  readonly pace: Pace
  readonly objective: WaitObjective
  /** Ticks from asking for slots to having them. */
  readonly startUpTicks: number
  readonly holdTicks: number
  readonly changesPerHour: number
  readonly minSlots: number
  readonly maxSlots: number
  /**
   * What jobs late beyond the share cost: 1 % of them this many per cent of the slots an all-knowing fleet would hold.
   */
  readonly latePrice: number
}

/** A fleet. Slots, jobs; sums in which every tick counts a little less with each later one. */
export interface Fleet {
  jobs: number
  /** Part of the next job to end that is done. */
  done: number
  slots: number
  /** Slots under way, soonest first, one entry a tick. */
  coming: Array<number>
  /** The last needs, as many as are held. */
  needs: Array<number>
  /** Of slots, that still count. */
  changes: number
  spent: number
  late: number
}

export interface TrialFleetsState {
  readonly fleets: ReadonlyArray<Fleet>
  readonly ticks: number
  readonly followed: number
  readonly changedAt: number
  readonly arrived: number
  readonly ideal: number
  readonly ideals: ReadonlyArray<number>
  readonly unbounded: Pick<Fleet, "jobs" | "done" | "slots">
  readonly compared: readonly [number, number]
  readonly inUse: LogHistogramState
}

/** What each coming tick brings, at a quantile. */
export type ArrivalsAt = (quantile: number) => ReadonlyArray<number>

const newFleet = (): Fleet => ({ jobs: 0, done: 0, slots: 0, coming: [], needs: [], changes: 0, spent: 0, late: 0 })

/**
 * Part of a tick's arrivals that wait beyond the objective. Those that come while more jobs are there than are served
 * in time: the fluid count of jobs says where their mean is. Around it they scatter, since when within the tick they
 * came and how long each runs is chance, as normal deviates of the square root do (F. J. Anscombe, 1948). Within a tick
 * much longer than the service, queues come and go unseen: there Erlang C says how many wait.
 */
const latePart = (before: number, after: number, slots: number, { objective, pace }: Terms): number => {
  if (slots <= 0) return 1
  const unseen = 1 - keptPerTick(pace)
  const inTime = slots * (1 + objective.patience)
  const scatter = Math.sqrt((1 + unseen) / 2)
  const tail = (jobs: number) => upperTail((2 * (Math.sqrt(inTime) - Math.sqrt(jobs))) / scatter)
  const seen = (tail(before) + 4 * tail((before + after) / 2) + tail(after)) / 6
  const load = (Math.min(before, slots) + Math.min(after, slots)) / 2
  const equilibrium = load < slots ? waitExceeds(Math.floor(slots), load, objective.patience) : 1
  return (1 - unseen) * seen + unseen * Math.max(seen, equilibrium)
}

export class TrialFleets {
  private fleets: Array<Fleet> = risks.map(newFleet)
  private ticks = 0
  private followed = first
  private changedAt = 0
  private arrived = 0
  private ideal = 0
  /** Of the last ticks, as many as slots take to start: who knew the future would have kept the most of them. */
  private ideals: ReadonlyArray<number> = []
  /** One in which no job ever waits. */
  private unbounded: Pick<Fleet, "jobs" | "done" | "slots"> = { jobs: 0, done: 0, slots: Number.MAX_SAFE_INTEGER }
  /** Late jobs of the real fleet, and of the one on paper that it followed. */
  private compared: readonly [number, number] = [0, 0]
  private inUse = new LogHistogram(leastInUse)
  private margins: { readonly key: string; readonly each: ReadonlyArray<ErlangMargin> } = { key: "", each: [] }

  static restore(state: TrialFleetsState): TrialFleets {
    const trial = new TrialFleets()
    if (state.fleets.length !== risks.length) return trial
    trial.fleets = state.fleets.map((fleet) => ({ ...fleet, coming: [...fleet.coming], needs: [...fleet.needs] }))
    trial.ticks = state.ticks
    trial.followed = state.followed
    trial.changedAt = state.changedAt
    trial.arrived = state.arrived
    trial.ideal = state.ideal
    trial.ideals = state.ideals
    trial.unbounded = { ...state.unbounded }
    trial.compared = state.compared
    trial.inUse = new LogHistogram(leastInUse, state.inUse)
    return trial
  }

  save(): TrialFleetsState {
    return {
      fleets: this.fleets.map((fleet) => ({ ...fleet, coming: [...fleet.coming], needs: [...fleet.needs] })),
      ticks: this.ticks,
      followed: this.followed,
      changedAt: this.changedAt,
      arrived: this.arrived,
      ideal: this.ideal,
      ideals: this.ideals,
      unbounded: { ...this.unbounded },
      compared: this.compared,
      inUse: this.inUse.save()
    }
  }

  /** Whether the fleets have met enough for `risk` to be a finding. */
  get hasTried(): boolean {
    return this.ticks >= fewestTicks
  }

  get risk(): Risk {
    return risks[this.followed]!
  }

  /**
   * Of each fleet, as it is judged: slots relative to an all-knowing one, part of the jobs late, and both in one
   * figure, the smaller the better.
   */
  standings(
    terms: Pick<Terms, "objective" | "latePrice">
  ): ReadonlyArray<Risk & { slots: number; late: number; cost: number }> {
    const lateness = this.lateness()
    return this.fleets.map(({ late, spent }, i) => {
      const slots = spent / Math.max(this.ideal, 1e-9)
      const part = Math.min(1, (lateness * late) / Math.max(this.arrived, 1e-9))
      const cost = slots + terms.latePrice * Math.max(0, part - aim * terms.objective.share)
      return { ...risks[i]!, slots, late: part, cost }
    })
  }

  private marginsFor({ patience, share }: WaitObjective): ReadonlyArray<ErlangMargin> {
    const key = `${patience} ${share}`
    if (this.margins.key !== key) {
      const bySharing = new Map<number, ErlangMargin>()
      const each = risks.map(({ shareFactor }) => {
        const margin = bySharing.get(shareFactor) ?? new ErlangMargin({ patience, share: share * shareFactor })
        bySharing.set(shareFactor, margin)
        return margin
      })
      this.margins = { key, each }
    }
    return this.margins.each
  }

  /**
   * Jobs that were late in the real fleet for each that was so in the trial, as far as there is something to compare.
   */
  private lateness(): number {
    const [really, onPaper] = this.compared
    const prior = Math.max(fewestCompared, comparedPart * this.arrived)
    return (really + prior) / (onPaper + prior)
  }

  /** Slots that were enough for this part of the jobs. */
  standing(level: number): number {
    return level === 0 ? 0 : Math.ceil((this.inUse.quantile(level) ?? 0) - 0.05)
  }

  /** The margin of the fleet that is followed. */
  margin(objective: WaitObjective, risk: Risk = this.risk): ErlangMargin {
    const index = risks.findIndex((each) => each.shareFactor === risk.shareFactor)
    return this.marginsFor(objective)[index]!
  }

  /**
   * A tick has ended with so many arrivals; every fleet then decides anew on the coming ones. Cost: about a microsecond
   * for each fleet and tick of the start-up time.
   */
  tick(arrivals: number, ahead: ArrivalsAt, terms: Terms, reallyLate: number | undefined): void {
    const { changesPerHour, maxSlots, minSlots, objective, pace, startUpTicks } = terms
    const kept = keptPerTick(pace)
    const margins = this.marginsFor(objective)
    this.ticks++
    this.arrived = memory * this.arrived + arrivals
    serve(this.unbounded, arrivals, kept, pace)
    const load = Math.max(
      this.unbounded.jobs,
      pace.tickMs > pace.serviceMs ? (arrivals * pace.serviceMs) / pace.tickMs : 0
    )
    if (arrivals > 0) this.inUse.add(load, arrivals, memory)
    const floors = new Map(standingLevels.map((level) => [level, this.standing(level)]))
    const ideal = Math.min(maxSlots, Math.max(minSlots, Math.ceil(load + margins[first]!.above(load) - 1e-9)))
    this.ideals = [...this.ideals, ideal].slice(-startUpTicks - 1)
    this.ideal = memory * this.ideal + Math.max(...this.ideals)
    const paths = new Map<number, ReadonlyArray<number>>()
    this.fleets.forEach((fleet, i) => {
      const before = fleet.jobs
      serve(fleet, arrivals, kept, pace)
      const late = arrivals > 0 ? arrivals * latePart(before, fleet.jobs, fleet.slots, terms) : 0
      fleet.late = memory * fleet.late + late
      if (i === this.followed && reallyLate !== undefined)
        this.compared = [memory * this.compared[0] + reallyLate, memory * this.compared[1] + late]
      fleet.spent = memory * fleet.spent + fleet.slots + fleet.coming.reduce((a, b) => a + b, 0)
      fleet.slots += fleet.coming.shift() ?? 0
      const { quantile } = risks[i]!
      const path = paths.get(quantile) ?? ahead(quantile)
      paths.set(quantile, path)
      const have = fleet.slots + fleet.coming.reduce((a, b) => a + b, 0)
      const slots: Array<number> = []
      for (let ahead = 0; ahead < path.length; ahead++)
        slots.push(ahead === 0 ? fleet.slots : slots[ahead - 1]! + (fleet.coming[ahead - 1] ?? 0))
      const need = transientNeed({ jobs: fleet.jobs, arrivals: path, slots }, pace, margins[i]!)
      const wanted = Math.max(
        floors.get(risks[i]!.standing)!,
        need.load,
        need.backlog,
        Math.min(fleet.jobs, fleet.slots)
      )
      fleet.needs.push(Math.min(maxSlots, Math.max(minSlots, Math.ceil(wanted - 1e-9))))
      while (fleet.needs.length > Math.max(1, terms.holdTicks)) fleet.needs.shift()
      fleet.changes = leaked(fleet.changes, pace.tickMs, changesPerHour)
      const change = Math.min(maxSlots, settled(Math.max(...fleet.needs), have, fleet.changes, changesPerHour)) - have
      if (change === 0) return
      move(fleet, change, startUpTicks)
      fleet.changes++
    })
    this.choose(terms)
  }

  private choose(terms: Terms): void {
    if (this.ticks < fewestTicks || this.ticks - this.changedAt < betweenChanges) return
    const standings = this.standings(terms)
    let best = this.followed
    for (let i = 0; i < standings.length; i++) if (standings[i]!.cost < standings[best]!.cost) best = i
    if (best === this.followed || standings[best]!.cost > (1 - worthChanging) * standings[this.followed]!.cost) return
    this.followed = best
    this.changedAt = this.ticks
  }
}

/** A tick of jobs: they end whole, as real ones do. A fluid would keep slots busy with a hundredth of a job. */
const serve = (fleet: Pick<Fleet, "jobs" | "done" | "slots">, arrivals: number, kept: number, pace: Pace): void => {
  const done = fleet.done + ended(fleet.jobs, arrivals, fleet.slots, kept, pace)
  const whole = Math.min(Math.floor(done + 1e-9), fleet.jobs + arrivals)
  fleet.jobs = fleet.jobs + arrivals - whole
  fleet.done = fleet.jobs > 0 ? Math.max(0, done - whole) : 0
}

/** More slots come after the start-up time; fewer are first those still under way, the last asked for first. */
const move = (fleet: Fleet, change: number, startUpTicks: number): void => {
  if (change > 0) {
    if (startUpTicks <= 0) {
      fleet.slots += change
      return
    }
    while (fleet.coming.length < startUpTicks) fleet.coming.push(0)
    fleet.coming[startUpTicks - 1]! += change
    return
  }
  let fewer = -change
  for (let i = fleet.coming.length - 1; i >= 0 && fewer > 0; i--) {
    const dropped = Math.min(fewer, fleet.coming[i]!)
    fleet.coming[i]! -= dropped
    fewer -= dropped
  }
  fleet.slots = Math.max(0, fleet.slots - fewer)
}
