/**
 * Whether a latency has grown beyond its course: compared on the logarithmic scale with a level that follows over days
 * and a profile of the hours of the day. The change that is watched for is to half as much again, or by one and a half
 * deviations where the series is noisier than that. The level learns too slowly, and not at all under suspicion, to
 * take a growth over hours for the new course.
 */
import { Persistence, type PersistenceState } from "./Persistence.ts"
import * as Suspicion from "./Suspicion.ts"

const hourMs = 3_600_000
const stepsPerDay = 288
const levelKeep = 0.5 ** (1 / (3 * stepsPerDay))
const hourKeep = 0.5 ** (1 / (12 * 7))
const varianceKeep = 0.5 ** (1 / (7 * stepsPerDay))
/** Visits of an hour that the level counts for beside what was seen. */
const lean = 12
const acceptSteps = stepsPerDay
/** Two days: each hour was seen twice. */
export const learnSteps = 2 * stepsPerDay
const winsorAt = 3
const deviationLeast = 0.05
/** Beyond so many samples in a step its quantile does not become more certain: what then moves it is the system. */
const samplesEnough = 100
const change = Math.log(1.5)
const noisyChange = 1.5

export interface LatencyAnomalyState {
  readonly steps: number
  readonly level: number
  readonly variance: number
  /** Pairs of sum and weight by hour of the day, of what lies above the level. */
  readonly hours: ReadonlyArray<number>
  readonly persistence: PersistenceState
  readonly suspicion: Suspicion.Suspicion
  readonly held: readonly [steps: number, off: number]
}

export interface LatencyVerdict {
  /** Steps without a measurement leave it as it was. */
  readonly alarm: boolean
  /** Too little was seen for an alarm. */
  readonly learning: boolean
  readonly score: number
  /** Milliseconds. */
  readonly expected: number
}

export class LatencyAnomaly {
  private readonly floorMs: number
  private steps: number
  private level: number
  private variance: number
  private readonly hours: Array<number>
  private readonly persistence: Persistence
  private suspicion: Suspicion.Suspicion
  private held: [steps: number, off: number]

  /**
   * `floorMs`: what nobody notices. It is added before the logarithm is taken, so that below it nothing is a change.
   */
  constructor(floorMs: number, state?: LatencyAnomalyState) {
    this.floorMs = floorMs
    this.steps = state?.steps ?? 0
    this.level = state?.level ?? 0
    this.variance = state?.variance ?? 4
    this.hours = [...(state?.hours ?? new Array<number>(48).fill(0))]
    this.persistence = new Persistence(state?.persistence)
    this.suspicion = state?.suspicion ?? Suspicion.none
    this.held = state === undefined ? [0, 0] : [...state.held]
  }

  save(): LatencyAnomalyState {
    return {
      steps: this.steps,
      level: this.level,
      variance: this.variance,
      hours: this.hours,
      persistence: this.persistence.save(),
      suspicion: this.suspicion,
      held: this.held
    }
  }

  /** One step. `at`: its middle, in local milliseconds; undefined: not measured. */
  step(at: number, latencyMs: number | undefined, samples: number): LatencyVerdict {
    const hour = Math.floor(at / hourMs) % 24
    const expectedLog = this.level + this.hours[2 * hour]! / (this.hours[2 * hour + 1]! + lean)
    const expected = Math.max(0, Math.exp(expectedLog) - this.floorMs)
    const isLearning = this.steps < learnSteps
    const verdict = (): LatencyVerdict => ({
      alarm: this.suspicion.alarm,
      learning: isLearning,
      score: this.suspicion.gathered / Suspicion.threshold,
      expected
    })
    if (latencyMs === undefined) return verdict()
    const value = Math.log(latencyMs + this.floorMs)
    if (this.steps === 0) this.level = value
    const off = value - (this.steps === 0 ? value : expectedLog)
    const spread = 1 / samplesEnough + 1 / Math.max(1, samples)
    const deviation = Math.sqrt(deviationLeast ** 2 + this.variance * spread)
    if (!isLearning) {
      const shift = Math.max(change, noisyChange * deviation)
      this.suspicion = Suspicion.next(
        this.suspicion,
        ((shift / deviation ** 2) * (off - shift / 2)) / this.persistence.factor()
      )
    }
    if (Suspicion.isSuspect(this.suspicion)) this.hold(off)
    else this.learn(hour, off, deviation, spread)
    return verdict()
  }

  private learn(hour: number, off: number, deviation: number, spread: number): void {
    this.held = [0, 0]
    if (this.steps > 288) this.persistence.learn(Math.max(-winsorAt, Math.min(winsorAt, off / deviation)))
    const taken = Math.max(-winsorAt * deviation, Math.min(winsorAt * deviation, off))
    // Quickly at first, as a mean does, then with its half-life.
    const rate = Math.max(1 - levelKeep, 1 / (this.steps + 1))
    const [sum, weight] = [this.hours[2 * hour]!, this.hours[2 * hour + 1]!]
    const ofHour = sum / (weight + lean)
    this.level += rate * taken
    this.hours[2 * hour] = sum * hourKeep + ofHour + taken
    this.hours[2 * hour + 1] = weight * hourKeep + 1
    const varianceRate = Math.max(1 - varianceKeep, 1 / (this.steps + 20))
    this.variance += varianceRate * ((taken * taken) / spread - this.variance)
    this.steps++
  }

  private hold(off: number): void {
    this.persistence.broken()
    this.held = [this.held[0] + 1, this.held[1] + off]
    if (this.held[0] < acceptSteps) return
    this.level += this.held[1] / this.held[0]
    this.held = [0, 0]
    this.suspicion = Suspicion.none
  }
}
