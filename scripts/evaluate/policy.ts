/**
 * The scaler's decisions as a policy of a simulator of worker fleets: the staffing and the forecaster that the product
 * ships, with their defaults. The simulator tells the start-up time, the mean service time and the objective, as an
 * operator would state them.
 *
 * `createPolicy()` answers `{ init(context), decide(observation) }`. `init` learns from a history of counts per step,
 * `decide` is called at each tick and answers how many workers there should be. Times in seconds.
 */
import type { Forecaster } from "../../src/services/Scaling/policy/forecast/Forecaster.ts"
import { make } from "../../src/services/Scaling/policy/forecast/Forecasting.ts"
import type { ForecastSteps } from "../../src/services/Scaling/policy/staffing/ForecastSteps.ts"
import { Staffing } from "../../src/services/Scaling/policy/staffing/Staffing.ts"
import { type StaffingSettings, staffingDefaults } from "../../src/services/Scaling/policy/staffing/StaffingSettings.ts"
import type { TrackRecord } from "../../src/services/Scaling/policy/staffing/Trust.ts"

export interface PolicyContext {
  readonly stepSeconds: number
  readonly tickSeconds: number
  readonly startupSeconds: number
  readonly serviceSeconds: number
  readonly sloWaitSeconds: number
  readonly sloFraction: number
  readonly minWorkers: number
  readonly maxWorkers: number
  /** Seconds since 1970. */
  readonly historyStart: number
  readonly start: number
  /** One count for each step from `historyStart` to `start`. */
  readonly history: ReadonlyArray<number>
}

export interface PolicyObservation {
  /** Seconds since 1970. */
  readonly time: number
  /** In the last tick. */
  readonly arrivals: number
  /** Of the steps completed since the last call. */
  readonly stepCounts: ReadonlyArray<number>
  readonly queued: number
  readonly busy: number
  readonly ready: number
  readonly starting: number
}

/** Days of the history that the trial fleets go through. */
const practiceDays = 7

export const createPolicy = () => {
  const staffing = new Staffing()
  let settings: StaffingSettings = staffingDefaults
  let forecaster: Forecaster
  let ahead = 1
  let stepMs = 0
  let from = 0
  let forecast: ForecastSteps | undefined
  let record: TrackRecord | undefined

  const look = (last: number | undefined) => {
    const { accuracy, coverage, measured, naiveAccuracy } = forecaster.quality()
    record = { measured, accuracy, naiveAccuracy, coverage }
    forecast = { from, stepMs, steps: forecaster.forecast(ahead), last }
  }
  const push = (count: number) => {
    forecaster.update(count)
    from += stepMs
  }

  return {
    init(context: PolicyContext): void {
      const { history, serviceSeconds, startupSeconds, stepSeconds, tickSeconds } = context
      stepMs = stepSeconds * 1000
      settings = {
        ...staffingDefaults,
        tickMs: tickSeconds * 1000,
        serviceMs: serviceSeconds * 1000,
        startUpMs: startupSeconds * 1000,
        waitMs: context.sloWaitSeconds * 1000,
        lateShare: context.sloFraction,
        minSlots: context.minWorkers,
        maxSlots: context.maxWorkers
      }
      ahead = Math.ceil((startupSeconds + tickSeconds) / stepSeconds) + 2
      forecaster = make({ stepSeconds })
      from = context.historyStart * 1000
      const practiseFrom = history.length - Math.round((practiceDays * 86_400) / stepSeconds)
      history.forEach((count, i) => {
        if (i >= practiseFrom) {
          look(history[i - 1])
          staffing.learn(
            { from, stepMs, count, before: history[i - 1], after: history[i + 1], forecast, record },
            settings
          )
        }
        push(count)
      })
      look(history.at(-1))
    },
    decide({ arrivals, busy, queued, ready, starting, stepCounts, time }: PolicyObservation): number {
      for (const count of stepCounts) {
        push(count)
        look(count)
      }
      return staffing.decide(
        { at: time * 1000, arrivals, waiting: queued, running: busy, ready, starting, forecast, record },
        settings
      ).target
    }
  }
}
