/**
 * Suspicion that a series has changed, gathered step by step: a CUSUM of log-likelihood ratios (E. S. Page, 1954). Each
 * step adds how much better the change explains what was seen than the normal course does; below 0 it starts anew.
 * While the normal course holds, the mean time to a false alarm is at least exp(threshold) steps (G. Lorden, 1971), so
 * the threshold follows from how many false alarms are borne.
 *
 * A step may add or take away only a share of the threshold. So a single outlier, however wild, is never an alarm: at
 * least three steps must agree.
 */

/** Length of a step, in milliseconds: five minutes smooth bursts and still tell within a quarter of an hour. */
export const stepMs = 300_000

export const stepsPerWeek = (7 * 86_400_000) / stepMs

/**
 * Weeks between false alarms of one detector of one series, by the model. Reality is less kind than models; see
 * docs/decisions/0011-alerts.md for what was measured.
 */
const weeksBetween = 50

/** ln of the steps between two false alarms. */
export const threshold = Math.log(weeksBetween * stepsPerWeek)

/** Largest share of the threshold that one step moves: three steps at least. */
const stepMost = 0.4 * threshold
/**
 * What is gathered beyond the threshold is not kept: a change that ends is believed to have ended within a few steps.
 */
const gatheredMost = 1.2 * threshold
/** An alarm ends below this share of the threshold. */
const endsBelow = 0.25 * threshold

/** Gathered suspicion and whether it is an alarm. Plain data. */
export interface Suspicion {
  readonly gathered: number
  readonly alarm: boolean
}

export const none: Suspicion = { gathered: 0, alarm: false }

/** After one more step with this log-likelihood ratio. */
export const next = ({ alarm, gathered }: Suspicion, ratio: number): Suspicion => {
  const step = Math.max(-stepMost, Math.min(stepMost, ratio))
  const sum = Math.max(0, Math.min(gatheredMost, gathered + step))
  return { gathered: sum, alarm: alarm ? sum >= endsBelow : sum >= threshold }
}

/** From here on what is seen is no longer taken for the normal course. */
export const isSuspect = ({ alarm, gathered }: Suspicion): boolean => alarm || gathered >= 0.5 * threshold

/**
 * Log-likelihood ratio of a count whose mean is `factor` times the expected one, against the expected one, for the
 * negative binomial with variance `mean + dispersion × mean²`; the Poisson distribution as dispersion goes to 0.
 */
export const countRatio = (count: number, mean: number, dispersion: number, factor: number): number => {
  if (dispersion < 1e-9) return count * Math.log(factor) - mean * (factor - 1)
  const size = 1 / dispersion
  return count * Math.log(factor) - (count + size) * Math.log((size + factor * mean) / (size + mean))
}
