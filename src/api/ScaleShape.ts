/** What `sluice scale` prints with `--json`. */
import * as Schema from "effect/Schema"
import type {
  ForecastQuality,
  GroupScaling,
  Interval,
  KeptDecision,
  LoadPrediction,
  RecurringPattern,
  ScaleEvent,
  ScalerStatus
} from "../services/Queue/index.ts"
import { ScaleInputs, ScaleNeeds, ScaleSettings } from "../services/Queue/index.ts"
import { WorkerSlotsShape } from "./WorkerShape.ts"

const figure = Schema.NullOr(Schema.Finite)
const orNull = (value: number | undefined): number | null => value ?? null
const iso = (at: number): string => new Date(at).toISOString()

/** How the forecast has done of late; null while too little has been seen. */
export const ForecastQualityShape = Schema.Struct({
  /** What it speaks of, from the last step seen. */
  horizonMs: Schema.Finite,
  mode: Schema.String,
  model: Schema.String,
  seasonsMs: Schema.Array(Schema.Finite),
  /** Steps with a count so far. */
  steps: Schema.Finite,
  /** One step ahead; the others are over the horizon. */
  accuracyNext: figure,
  accuracy: figure,
  naiveAccuracy: figure,
  mase: figure,
  coverage: figure,
  noiseFloor: figure,
  /** Of sums over the horizon. */
  sumAccuracy: figure,
  sumBias: figure,
  sumCoverage: figure,
  /** A change of level was noticed lately. */
  changed: Schema.Boolean
})

export const toQualityShape = (quality: ForecastQuality): typeof ForecastQualityShape.Type => ({
  horizonMs: quality.horizonMs,
  mode: quality.mode,
  model: quality.model,
  seasonsMs: quality.seasonsMs,
  steps: quality.steps,
  accuracyNext: orNull(quality.accuracyNext),
  accuracy: orNull(quality.accuracy),
  naiveAccuracy: quality.naiveError === undefined ? null : Math.max(0, 1 - quality.naiveError),
  mase: orNull(quality.mase),
  coverage: orNull(quality.coverage),
  noiseFloor: orNull(quality.noiseFloor),
  sumAccuracy: orNull(quality.sumAccuracy),
  sumBias: orNull(quality.sumBias),
  sumCoverage: orNull(quality.sumCoverage),
  changed: quality.changed
})

export const ScaleDecisionShape = Schema.Struct({
  /** The number of its entry in the journal. */
  seq: Schema.Finite,
  group: Schema.String,
  at: Schema.String,
  mode: ScaleSettings.ScaleMode,
  from: Schema.Finite,
  to: Schema.Finite,
  reason: Schema.String,
  text: Schema.String,
  inputs: ScaleInputs,
  needs: ScaleNeeds,
  distrust: Schema.NullOr(Schema.String),
  held: Schema.Finite
})

export const toDecisionShape = (decision: KeptDecision): typeof ScaleDecisionShape.Type => ({
  ...decision,
  at: iso(decision.at)
})

/** `scale explain`: a decision, and the same in lines for people. */
export const ScaleExplanationShape = Schema.Struct({
  ...ScaleDecisionShape.fields,
  lines: Schema.Array(Schema.String)
})

export const GroupScalingShape = Schema.Struct({
  group: Schema.String,
  mode: ScaleSettings.ScaleMode,
  slots: Schema.Finite,
  target: figure,
  minSlots: Schema.Finite,
  maxSlots: Schema.Finite,
  pending: Schema.Finite,
  running: Schema.Finite,
  oldestMs: Schema.Finite,
  /** Jobs expected in the next step: mean and 90 % quantile. */
  next: Schema.NullOr(Schema.Struct({ mean: Schema.Finite, p90: Schema.Finite })),
  /** Of the leader's last round, of the state a worker kept, or learned just now. */
  source: Schema.NullOr(Schema.Literals(["leader", "saved", "rebuilt"])),
  quality: Schema.NullOr(ForecastQualityShape),
  distrust: Schema.NullOr(Schema.String),
  last: Schema.NullOr(ScaleDecisionShape),
  held: Schema.Finite,
  /** Living workers with slots for it, by name: in mode `on` they carry targets out. */
  workers: Schema.Array(Schema.String),
  /** What each of them fills, and why. */
  decided: Schema.Array(WorkerSlotsShape)
})

/** Where a forecast comes from: the leader's last round, a state kept by a worker, or learned just now. */
export type ForecastSource = "leader" | "saved" | "rebuilt"

/** How the forecast of a group stands. */
export interface GroupStanding extends GroupScaling {
  /** Undefined: there is none to tell of, or there was no time to learn it. */
  readonly source: ForecastSource | undefined
  /** What each living worker with slots for it fills, and why: they carry targets out. */
  readonly decided: ReadonlyArray<typeof WorkerSlotsShape.Type>
}

export const toGroupShape = (group: GroupStanding): typeof GroupScalingShape.Type => ({
  group: group.group,
  mode: group.mode,
  slots: group.slots,
  target: orNull(group.target),
  minSlots: group.minSlots,
  maxSlots: group.maxSlots,
  pending: group.pending,
  running: group.running,
  oldestMs: group.oldestMs,
  next: group.next ?? null,
  source: group.source ?? null,
  quality: group.quality === undefined ? null : toQualityShape(group.quality),
  distrust: group.distrust ?? null,
  last: group.last === undefined ? null : toDecisionShape(group.last),
  held: group.held,
  workers: group.decided.map(({ worker }) => worker),
  decided: group.decided
})

export const ScaleStatusShape = Schema.Struct({
  at: Schema.String,
  leader: Schema.NullOr(Schema.Struct({ name: Schema.String, session: Schema.Finite, roundAt: Schema.String })),
  frozen: Schema.NullOr(Schema.Struct({ since: Schema.String, why: Schema.String })),
  groups: Schema.Array(GroupScalingShape)
})

export const toStatusShape = (
  status: ScalerStatus,
  groups: ReadonlyArray<GroupStanding>
): typeof ScaleStatusShape.Type => ({
  at: iso(status.at),
  leader: status.leader === undefined ? null : { ...status.leader, roundAt: iso(status.leader.roundAt) },
  frozen: status.frozen === undefined ? null : { ...status.frozen, since: iso(status.frozen.since) },
  groups: groups.map(toGroupShape)
})

export const IntervalShape = Schema.Struct({
  mean: Schema.Finite,
  /** Sums of it are sums to plan with. */
  expected: Schema.Finite,
  p05: Schema.Finite,
  p50: Schema.Finite,
  p90: Schema.Finite,
  p95: Schema.Finite
})

const SumIntervalShape = Schema.Struct({
  p05: Schema.Finite,
  p50: Schema.Finite,
  p90: Schema.Finite,
  p95: Schema.Finite
})

export const ForecastShape = Schema.Struct({
  group: Schema.String,
  at: Schema.String,
  /** The end of the last step that the forecast has seen. */
  seenTo: Schema.String,
  /** Whether its state was kept by a worker (`saved`) or was learned now from the roll-ups (`rebuilt`). */
  source: Schema.Literals(["saved", "rebuilt"]),
  stepMs: Schema.Finite,
  /** Jobs and slot-seconds by step. */
  steps: Schema.Array(
    Schema.Struct({
      at: Schema.String,
      arrivals: IntervalShape,
      work: IntervalShape,
      event: Schema.NullOr(Schema.String)
    })
  ),
  total: Schema.Struct({
    arrivals: Schema.Finite,
    work: Schema.Finite,
    arrivalsWithin: SumIntervalShape,
    workWithin: SumIntervalShape
  }),
  service: Schema.Struct({ meanMs: Schema.Finite, cv2: Schema.Finite, samples: Schema.Finite }),
  quality: ForecastQualityShape,
  distrust: Schema.NullOr(Schema.String)
})

const interval = ({ expected, mean, p05, p50, p90, p95 }: Interval) => ({ mean, expected, p05, p50, p90, p95 })

export const toForecastShape = (
  prediction: LoadPrediction,
  source: "saved" | "rebuilt"
): typeof ForecastShape.Type => ({
  group: prediction.group,
  at: iso(prediction.at),
  seenTo: iso(prediction.seenTo),
  source,
  stepMs: prediction.stepMs,
  steps: prediction.steps.map((step) => ({
    at: iso(step.at),
    arrivals: interval(step.arrivals),
    work: interval(step.work),
    event: step.event ?? null
  })),
  total: prediction.total,
  service: prediction.service,
  quality: toQualityShape(prediction.quality),
  distrust: prediction.distrust ?? null
})

/** `scale set`: what was in force and what is now, and where each setting comes from. */
export const ScaleSettingsShape = Schema.Struct({
  group: Schema.String,
  before: ScaleSettings.ScaleSettings,
  after: ScaleSettings.ScaleSettings,
  from: Schema.Record(Schema.String, Schema.Literals(["group", "every group", "default"]))
})

export const ScaleEventShape = Schema.Struct({
  id: Schema.String,
  group: Schema.String,
  /** Once. */
  from: Schema.NullOr(Schema.String),
  to: Schema.NullOr(Schema.String),
  /** Again and again. */
  cron: Schema.NullOr(Schema.String),
  timeZone: Schema.NullOr(Schema.String),
  durationMs: figure,
  /** Times what is forecast, or jobs per minute instead of it. */
  factor: figure,
  perMinute: figure,
  note: Schema.String
})

export const toEventShape = ({ group, id, load, note, when }: ScaleEvent): typeof ScaleEventShape.Type => ({
  id,
  group,
  from: when._tag === "Once" ? iso(when.from) : null,
  to: when._tag === "Once" ? iso(when.to) : null,
  cron: when._tag === "Recurring" ? when.cron : null,
  timeZone: when._tag === "Recurring" ? when.timeZone : null,
  durationMs: when._tag === "Recurring" ? when.durationMs : when.to - when.from,
  factor: load._tag === "Factor" ? load.factor : null,
  perMinute: load._tag === "Arrivals" ? load.perMinute : null,
  note
})

export const ScalePatternShape = Schema.Struct({
  group: Schema.String,
  when: Schema.String,
  period: Schema.Literals(["day", "week", "month"]),
  cron: Schema.String,
  timeZone: Schema.String,
  durationMs: Schema.Finite,
  factor: Schema.Finite,
  extra: Schema.Finite,
  seen: Schema.Finite,
  chances: Schema.Finite,
  confidence: Schema.Finite,
  last: Schema.String,
  next: Schema.String
})

export const toPatternShape = (pattern: RecurringPattern): typeof ScalePatternShape.Type => ({
  ...pattern,
  last: iso(pattern.last),
  next: iso(pattern.next)
})

/** How right forecasts were: 1 − Σ|error| ÷ Σ counts. Null where nothing could be compared. */
const accuracies = { oneStep: figure, horizon: figure, sum: figure, mase: figure }

export const BacktestScoresShape = Schema.Struct({
  ...accuracies,
  sumBias: figure,
  sumCoverage: figure,
  coverage: figure,
  coverage50: figure,
  under90: figure,
  wQL90: figure
})

/** What one way of choosing slots would have done. */
export const ReplayShape = Schema.Struct({
  policy: Schema.String,
  jobs: Schema.Finite,
  slotSeconds: Schema.Finite,
  meanSlots: Schema.Finite,
  mostSlots: Schema.Finite,
  changes: Schema.Finite,
  /** The part of jobs that waited longer than `waitMs` of the replay. */
  late: Schema.Finite,
  waitP50Ms: figure,
  waitP95Ms: figure,
  waitP99Ms: figure
})

export const ScaleBacktestShape = Schema.Struct({
  group: Schema.String,
  stepMs: Schema.Finite,
  from: Schema.String,
  to: Schema.String,
  /** Counts before `from` that the forecaster had learned from. */
  learnedFrom: Schema.Finite,
  horizonMs: Schema.Finite,
  /** Between two forecasts. */
  everyMs: Schema.Finite,
  origins: Schema.Finite,
  scored: Schema.Finite,
  missing: Schema.Finite,
  forecast: BacktestScoresShape,
  /** The better of repeating yesterday and repeating the last count. */
  naive: Schema.Struct({ kind: Schema.Literals(["yesterday", "last"]), ...accuracies }),
  replay: Schema.NullOr(
    Schema.Struct({
      from: Schema.String,
      serviceMs: Schema.Finite,
      startupMs: Schema.Finite,
      waitMs: Schema.Finite,
      lateShare: Schema.Finite,
      policies: Schema.Array(ReplayShape)
    })
  )
})
