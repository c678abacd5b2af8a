/**
 * Whether a larger share than usual fails. The usual share is a ratio of exponentially weighted sums; the change that
 * is watched for is to four times that, and to at least five percentage points more: a rare failure that becomes a
 * little less rare is nobody's alarm.
 */
import * as Suspicion from "./Suspicion.ts"

const stepsPerDay = 288
const keep = 0.5 ** (1 / (7 * stepsPerDay))
const acceptSteps = stepsPerDay
/** Attempts the first guess counts for, and that guess. */
const attemptsBefore = 100
const shareBefore = 0.01
/**
 * Failures come in clumps: variance of the count beyond Poisson, as a share of the mean squared. Bounds and first
 * guess.
 */
const dispersionLeast = 0.05
const dispersionBefore = 0.3
const dispersionWeight = 50
const winsorAt = 3
/** Attempts before anything is an anomaly. */
const learnAttempts = 200

export interface ShareAnomalyState {
  readonly failed: number
  readonly attempts: number
  readonly dispersion: readonly [sum: number, weight: number]
  readonly suspicion: Suspicion.Suspicion
  readonly held: readonly [steps: number, failed: number, attempts: number]
}

export interface ShareVerdict {
  /** Steps without an attempt leave it as it was. */
  readonly alarm: boolean
  /** Too little was seen for an alarm. */
  readonly learning: boolean
  readonly score: number
  /** The usual share, 0 to 1. */
  readonly expected: number
}

export class ShareAnomaly {
  private failed: number
  private attempts: number
  private dispersionSum: number
  private dispersionSeen: number
  private suspicion: Suspicion.Suspicion
  private held: [steps: number, failed: number, attempts: number]

  constructor(state?: ShareAnomalyState) {
    this.failed = state?.failed ?? 0
    this.attempts = state?.attempts ?? 0
    this.dispersionSum = state?.dispersion[0] ?? 0
    this.dispersionSeen = state?.dispersion[1] ?? 0
    this.suspicion = state?.suspicion ?? Suspicion.none
    this.held = state === undefined ? [0, 0, 0] : [...state.held]
  }

  save(): ShareAnomalyState {
    return {
      failed: this.failed,
      attempts: this.attempts,
      dispersion: [this.dispersionSum, this.dispersionSeen],
      suspicion: this.suspicion,
      held: this.held
    }
  }

  private share(): number {
    return (this.failed + attemptsBefore * shareBefore) / (this.attempts + attemptsBefore)
  }

  /** One step: attempts that ended in it, and those of them that failed. */
  step(attempts: number, failed: number): ShareVerdict {
    const share = this.share()
    const isLearning = this.attempts < learnAttempts
    const verdict = (): ShareVerdict => ({
      alarm: this.suspicion.alarm,
      learning: isLearning,
      score: this.suspicion.gathered / Suspicion.threshold,
      expected: share
    })
    if (attempts === 0) return verdict()
    const mean = attempts * share
    const dispersion = Math.max(
      dispersionLeast,
      (this.dispersionSum + dispersionWeight * dispersionBefore) / (this.dispersionSeen + dispersionWeight)
    )
    const suspectedShare = Math.min(0.95, Math.max(4 * share, share + 0.05))
    if (!isLearning && suspectedShare > share) {
      this.suspicion = Suspicion.next(
        this.suspicion,
        Suspicion.countRatio(failed, mean, dispersion, suspectedShare / share)
      )
    }
    if (Suspicion.isSuspect(this.suspicion)) this.hold(attempts, failed)
    else {
      this.held = [0, 0, 0]
      this.learn(attempts, failed, mean, dispersion)
    }
    return verdict()
  }

  private learn(attempts: number, failed: number, mean: number, dispersion: number): void {
    const most = mean + winsorAt * Math.sqrt(mean + dispersion * mean * mean) + 1
    const taken = Math.min(failed, most)
    const weight = 1 / (1 + 1 / mean) ** 2
    this.dispersionSum = this.dispersionSum * keep + (((taken - mean) ** 2 - mean) / (mean * mean)) * weight
    this.dispersionSeen = this.dispersionSeen * keep + weight
    this.failed = this.failed * keep + taken
    this.attempts = this.attempts * keep + attempts
  }

  private hold(attempts: number, failed: number): void {
    this.held = [this.held[0] + 1, this.held[1] + failed, this.held[2] + attempts]
    if (this.held[0] < acceptSteps) return
    // A day of it: that is how it is now.
    this.failed = this.held[1]
    this.attempts = this.held[2]
    this.held = [0, 0, 0]
    this.suspicion = Suspicion.none
  }
}
