/** The four series of one group that are watched for anomalies, and what is said of them. */
import { type Histogram, empty, merge, quantile } from "../../Queue/policy/Histogram.ts"
import { type AnomalyState, CountAnomaly } from "./CountAnomaly.ts"
import type { Unusual } from "./Figures.ts"
import { LatencyAnomaly, type LatencyAnomalyState } from "./LatencyAnomaly.ts"
import { durationText } from "../../Queue/policy/DurationText.ts"
import { figureText } from "./RuleText.ts"
import { ShareAnomaly, type ShareAnomalyState } from "./ShareAnomaly.ts"
import { stepMs } from "./Suspicion.ts"

/** What happened to a group's jobs in one step. */
export interface GroupStep {
  readonly arrivals: number
  readonly completed: number
  readonly failed: number
  readonly run: Histogram
  readonly wait: Histogram
}

/** What nobody notices, in milliseconds: runs below 10 ms, waits below half a second. */
const runFloorMs = 10
const waitFloorMs = 500

/**
 * A p95 needs so many times; steps are put together until they have them, for at most an hour, and then a few must do.
 */
const timesEnough = 20
const timesFew = 5
const stepsTogether = 12

/** Times that wait for company. Not kept over a change of leader: an hour at most is lost. */
interface Gathering {
  times: Histogram
  steps: number
}

export interface GroupCourseState {
  /** The end of the last step, in milliseconds since 1970. */
  readonly until: number
  readonly arrivals: AnomalyState
  readonly failures: ShareAnomalyState
  readonly run: LatencyAnomalyState
  readonly wait: LatencyAnomalyState
}

const gather = (gathering: Gathering, times: Histogram): Histogram | undefined => {
  gathering.times = merge(gathering.times, times)
  gathering.steps++
  const { count } = gathering.times
  if (count < timesEnough && gathering.steps < stepsTogether) return undefined
  const gathered = count < timesFew ? undefined : gathering.times
  gathering.times = empty
  gathering.steps = 0
  return gathered
}

export class GroupCourse {
  until: number
  private readonly arrivals: CountAnomaly
  private readonly failures: ShareAnomaly
  private readonly run: LatencyAnomaly
  private readonly wait: LatencyAnomaly
  private readonly running: Gathering = { times: empty, steps: 0 }
  private readonly waiting: Gathering = { times: empty, steps: 0 }
  private said: ReadonlyArray<Unusual> = []

  /** From what was saved, or anew from this time on. */
  constructor(from: GroupCourseState | number) {
    const state = typeof from === "number" ? undefined : from
    this.until = typeof from === "number" ? from : from.until
    this.arrivals = new CountAnomaly(state?.arrivals)
    this.failures = new ShareAnomaly(state?.failures)
    this.run = new LatencyAnomaly(runFloorMs, state?.run)
    this.wait = new LatencyAnomaly(waitFloorMs, state?.wait)
  }

  save(): GroupCourseState {
    return {
      until: this.until,
      arrivals: this.arrivals.save(),
      failures: this.failures.save(),
      run: this.run.save(),
      wait: this.wait.save()
    }
  }

  /** The next step; undefined: nobody was there to record it. `offsetMs`: of local time from UTC. */
  step(happened: GroupStep | undefined, offsetMs: number): void {
    const at = this.until + stepMs / 2 + offsetMs
    this.until += stepMs
    const { direction, expected, score } = this.arrivals.step(at, happened?.arrivals)
    if (happened === undefined) return
    const { arrivals, completed, failed } = happened
    const said: Array<Unusual> = []
    if (direction !== undefined) {
      const usual = figureText("jobs", Math.round(expected))
      said.push({
        metric: "anomalous-arrivals",
        score: direction === "none" ? Math.min(0.99, score) : Math.max(1, score),
        text: `${figureText("jobs", arrivals)} came in five minutes where ${usual} are usual, and so for a while`
      })
    }
    const share = this.failures.step(completed + failed, failed)
    if (!share.learning) {
      said.push({
        metric: "anomalous-failures",
        score: share.alarm ? Math.max(1, share.score) : Math.min(0.99, share.score),
        text: `${failed} of ${completed + failed} attempts failed in five minutes where ${figureText("share", share.expected)} are usual`
      })
    }
    this.latency(said, "anomalous-run", this.run, gather(this.running, happened.run), at)
    this.latency(said, "anomalous-wait", this.wait, gather(this.waiting, happened.wait), at)
    this.said = said
  }

  private latency(
    said: Array<Unusual>,
    metric: "anomalous-run" | "anomalous-wait",
    detector: LatencyAnomaly,
    times: Histogram | undefined,
    at: number
  ): void {
    const measured = times === undefined ? undefined : quantile(times, 0.95)
    const { alarm, expected, learning, score } = detector.step(at, measured, times?.count ?? 0)
    if (learning) return
    const what = metric === "anomalous-run" ? "run" : "wait"
    const now = measured === undefined ? "" : ` is ${durationText(measured)},`
    said.push({
      metric,
      score: alarm ? Math.max(1, score) : Math.min(0.99, score),
      text: `${what} p95${now} above its usual ${durationText(expected)}, and so for a while`
    })
  }

  /** What the last step that was recorded says. */
  unusual(): ReadonlyArray<Unusual> {
    return this.said
  }
}
