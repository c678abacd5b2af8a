/** From a compared figure to the line of the check: pure, and all there is to decide. */
import type { Allowance } from "./Allowance.ts"

/** A line of `sluice profile check --metric answer --json`. */
export interface Compared {
  readonly figure: string
  readonly verdict: "regression" | "improvement" | "unchanged" | "undecided" | "too few runs"
  readonly ratio: number
  readonly low: number
  readonly high: number
  readonly beforeUs: number
  readonly afterUs: number
  readonly runs: number
}

/** A slowdown of this share fails the build. */
export const caught = 0.05
/** On which side of it a figure lies is what is measured: as far from no change as from `caught`. */
export const floor = caught / 2

export type Outcome = "ok" | "failed" | "skipped"

const percent = (ratio: number): string => {
  const change = (ratio - 1) * 100
  return `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(1)} %`
}

export const judge = (
  compared: Compared,
  allowances: ReadonlyArray<Allowance>
): { readonly outcome: Outcome; readonly text: string } => {
  const { afterUs, beforeUs, figure, high, low, ratio, runs, verdict } = compared
  const measured = `${figure}: ${percent(ratio)} CPU per job (${percent(low)} to ${percent(high)}; ${beforeUs.toFixed(2)} µs before, ${afterUs.toFixed(2)} now; ${runs} processes)`
  if (verdict === "regression") {
    const allowed = allowances.filter((each) => each.figure === figure).sort((a, b) => b.ratio - a.ratio)[0]
    return allowed !== undefined && low <= allowed.ratio
      ? { outcome: "ok", text: `${measured}, as its commit says: ${allowed.text}` }
      : {
          outcome: "failed",
          text: `${measured}; if that is meant, say so in the commit's message: Slower: ${figure} ${Math.ceil((ratio - 1) * 100)} % because …`
        }
  }
  if ((verdict === "undecided" || verdict === "too few runs") && high >= 1 + caught)
    return { outcome: "skipped", text: `${measured}: undecided, the machine was too busy for the time there is` }
  return { outcome: "ok", text: measured }
}
