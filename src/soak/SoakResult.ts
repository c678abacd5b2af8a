/** What a soak showed: the shape of `sluice soak --json` and of the `report.json` beside its page. */
import * as Schema from "effect/Schema"
import { Machine } from "../bench/BenchResult.ts"
import { SoakPlan } from "./SoakPlan.ts"
import { Decided } from "./SoakSamples.ts"

const Latency = Schema.Struct({ p50: Schema.Finite, p95: Schema.Finite, p99: Schema.Finite, max: Schema.Finite })

export const SlopeResult = Schema.Struct({
  /** Growth in 24 hours, as a share of the mean: the estimate and the ends of its 95 % interval. */
  perDay: Schema.Finite,
  low: Schema.Finite,
  high: Schema.Finite,
  samples: Schema.Int,
  lags: Schema.Int
})

export const RoleResult = Schema.Struct({
  role: Schema.Literals(["soak", "producer", "worker"]),
  /** Processes there were of it, one after another or side by side. */
  processes: Schema.Int,
  /** Whether its processes lived from the begin of a part to its end: only then growth can be judged. */
  undisturbed: Schema.Boolean,
  heapBytes: Schema.Finite,
  rssBytes: Schema.Finite,
  rssPeakBytes: Schema.Finite,
  descriptors: Schema.Finite,
  /** Last tenth over first tenth after the warm-up, as a share: 0.01 is one percent more. */
  heapGrowth: Schema.optionalKey(Schema.Finite),
  rssGrowth: Schema.optionalKey(Schema.Finite),
  /** Last tenth minus first tenth after the warm-up, descriptors and resources without timers together. */
  handleGrowth: Schema.optionalKey(Schema.Finite),
  heapSlope: Schema.optionalKey(SlopeResult)
})
export type RoleResult = typeof RoleResult.Type

export const Verdict = Schema.Struct({
  criterion: Schema.String,
  outcome: Schema.Literals(["met", "missed", "undecided"]),
  found: Schema.String
})
export type Verdict = typeof Verdict.Type

/** A curve over the run; `x` in hours of the day the run stands for. */
export const Series = Schema.Struct({
  name: Schema.String,
  points: Schema.Array(Schema.Tuple([Schema.Finite, Schema.Finite]))
})
export type Series = typeof Series.Type

export const Panel = Schema.Struct({ title: Schema.String, unit: Schema.String, series: Schema.Array(Series) })
export type Panel = typeof Panel.Type

/** See `Availability.ts`. */
const Answering = Schema.Struct({ share: Schema.Finite, longestGap: Schema.Int, longestMs: Schema.Finite })

/** What an unattended soak showed beside. */
const Unattended = Schema.Struct({
  /** Absent when nothing was asked yet. */
  availability: Schema.optionalKey(Schema.Struct({ seconds: Schema.Int, enqueue: Answering, claim: Answering })),
  /** Every decision, in the order in which it was seen; `hour` of the run. */
  decisions: Schema.Array(Schema.Struct({ hour: Schema.Finite, ...Decided.fields }))
})

export const SoakResult = Schema.Struct({
  format: Schema.Literal(1),
  plan: SoakPlan,
  /** Where it is, and where it goes on from. */
  folder: Schema.String,
  machine: Machine,
  /** Of the sources of each part, where they are a clone. */
  commits: Schema.Array(Schema.String),
  startedAt: Schema.String,
  parts: Schema.Int,
  /** At work, over all parts, in seconds. */
  seconds: Schema.Finite,
  /** Hours of the day that went by: real ones, or those the accelerated jobs stand for. */
  hours: Schema.Finite,
  /** Whether the last part ended in order, all it had sent settled. */
  ended: Schema.Boolean,
  /** Whether all jobs of the plan were sent and settled. */
  complete: Schema.Boolean,
  jobs: Schema.Struct({
    sent: Schema.Int,
    perSecond: Schema.Finite,
    live: Schema.Int,
    /** As the store's roll-ups count them; a killed worker takes with it what it had not added yet. */
    arrivals: Schema.Int,
    completed: Schema.Int,
    buried: Schema.Int,
    starts: Schema.Int,
    recovered: Schema.Int
  }),
  /** Asked for to first start, over the whole run, in milliseconds. */
  latency: Latency,
  cpuMicrosPerJob: Schema.Finite,
  faults: Schema.Struct({ killed: Schema.Int, stopped: Schema.Int, died: Schema.Int }),
  ledger: Schema.Struct({
    oneIn: Schema.Int,
    followed: Schema.Int,
    lost: Schema.Int,
    repeated: Schema.Int,
    impossible: Schema.Int
  }),
  store: Schema.Struct({
    fileBytes: Schema.Finite,
    walBytes: Schema.Finite,
    peakBytes: Schema.Finite,
    mostFinished: Schema.Int,
    /**
     * Largest file with log in the second half over the largest in the first half, as a share; absent for a run too
     * short for it.
     */
    growth: Schema.optionalKey(Schema.Finite)
  }),
  unattended: Schema.optionalKey(Unattended),
  roles: Schema.Array(RoleResult),
  verdicts: Schema.Array(Verdict),
  panels: Schema.Array(Panel),
  /** Hours at which a worker was killed, stopped, or died. */
  faultsAt: Schema.Array(Schema.Finite),
  load: Schema.Array(Schema.Finite)
})
export type SoakResult = typeof SoakResult.Type
