/**
 * Whether the counts of a series (arrivals per step of five minutes) have left their course: fewer than usual for this
 * hour of this day, or more. Four changes are watched side by side, each with its own suspicion: to a twentieth, to
 * about a half, to about double, to threefold. Between them lie the changes that nobody needs to hear of: up to about a
 * third either way.
 */
import { Persistence, type PersistenceState } from "./Persistence.ts"
import { type ExpectedCount, SeasonalCounts, type SeasonalCountsState } from "./SeasonalCounts.ts"
import * as Suspicion from "./Suspicion.ts"

/** Fewer steps say nothing of a week: the series is learned, and nothing is an anomaly. */
export const learnSteps = Suspicion.stepsPerWeek

/** A change that has lasted for so many steps (a day) is the new course. */
const acceptSteps = 288

/**
 * A series that is silent in more than three of four steps, or expects less than a job in two steps, has no course to
 * leave: someone who runs a batch now and then is no anomaly.
 */
const activeLeast = 0.25
const meanLeast = 0.5

const factors = [0.05, 0.5, 1.9, 3] as const

const none = factors.map(() => Suspicion.none)

const winsorized = (deviations: number): number => Math.max(-3, Math.min(3, deviations))

export interface AnomalyState {
  readonly counts: SeasonalCountsState
  readonly persistence: PersistenceState
  readonly suspicions: ReadonlyArray<Suspicion.Suspicion>
  /** Steps for which nothing was learned, and what was counted and expected in them. */
  readonly held: readonly [steps: number, counted: number, expected: number]
}

export interface Anomaly {
  /** Undefined while the series is being learned, or where nothing was measured. */
  readonly direction: "above" | "below" | "none" | undefined
  /** Largest suspicion as a share of the threshold: 1 is an alarm. */
  readonly score: number
  readonly expected: number
}

export class CountAnomaly {
  private readonly counts: SeasonalCounts
  private readonly persistence: Persistence
  private suspicions: ReadonlyArray<Suspicion.Suspicion>
  private held: [steps: number, counted: number, expected: number]

  constructor(state?: AnomalyState) {
    this.counts = new SeasonalCounts(state?.counts)
    this.persistence = new Persistence(state?.persistence)
    this.suspicions = state?.suspicions ?? none
    this.held = state === undefined ? [0, 0, 0] : [...state.held]
  }

  save(): AnomalyState {
    return {
      counts: this.counts.save(),
      persistence: this.persistence.save(),
      suspicions: this.suspicions,
      held: this.held
    }
  }

  expect(at: number): ExpectedCount {
    return this.counts.expect(at)
  }

  /** One step. `at`: its middle, in local milliseconds; undefined: not measured, which is not zero. */
  step(at: number, count: number | undefined): Anomaly {
    const { dispersion, mean } = this.counts.expect(at)
    if (count === undefined) return { direction: undefined, score: this.score(), expected: mean }
    if (this.counts.steps < learnSteps || this.counts.active < activeLeast || mean < meanLeast) {
      this.suspicions = none
      this.learn(at, count, mean, dispersion)
      return { direction: undefined, score: 0, expected: mean }
    }
    const persistence = this.persistence.factor()
    this.suspicions = this.suspicions.map((suspicion, i) =>
      Suspicion.next(
        suspicion,
        Suspicion.countRatio(count, Math.max(mean, 1e-6), dispersion, factors[i]!) / persistence
      )
    )
    if (this.suspicions.some(Suspicion.isSuspect)) this.hold(count, mean)
    else {
      this.held = [0, 0, 0]
      this.learn(at, count, mean, dispersion)
    }
    const isAlarm = (i: number) => this.suspicions[i]!.alarm
    const direction = isAlarm(0) || isAlarm(1) ? "below" : isAlarm(2) || isAlarm(3) ? "above" : "none"
    return { direction, score: this.score(), expected: mean }
  }

  private learn(at: number, count: number, mean: number, dispersion: number): void {
    if (mean > 0 && this.counts.steps > 288)
      this.persistence.learn(winsorized((count - mean) / Math.sqrt(mean + dispersion * mean * mean)))
    this.counts.learn(at, count)
  }

  private hold(count: number, mean: number): void {
    this.persistence.broken()
    const [steps, counted, expected] = this.held
    this.held = [steps + 1, counted + count, expected + mean]
    if (this.held[0] < acceptSteps) return
    if (this.held[2] > 0) this.counts.rescale(this.held[1] / this.held[2])
    this.held = [0, 0, 0]
    this.suspicions = none
  }

  private score(): number {
    return Math.max(...this.suspicions.map(({ gathered }) => gathered)) / Suspicion.threshold
  }
}
