/**
 * What the leader leaves for its successor, and for those who ask without leading: document `scale-leader`. Who leads,
 * what each group's target is and why, what the forecast said. Written when a target moves and at least each minute.
 */
import { Option, Schema } from "effect"
import type { Documents } from "../../Store/Documents.ts"
import { Distrust } from "../ScaleDecision.ts"

export const scaleLeaderKind = "scale-leader"
export const scaleLeaderKey = "scaler"

const format = 1
const figure = Schema.optional(Schema.Finite)

export const StoredQuality = Schema.Struct({
  horizonMs: Schema.optionalKey(Schema.Finite),
  mode: Schema.Literals(["reactive", "smoothing", "season", "day", "week"]),
  model: Schema.String,
  seasonsMs: Schema.Array(Schema.Finite),
  steps: Schema.Int,
  accuracyNext: figure,
  accuracy: figure,
  error: figure,
  naiveError: figure,
  mase: figure,
  coverage: figure,
  noiseFloor: figure,
  sumAccuracy: figure,
  sumBias: figure,
  sumCoverage: figure,
  changed: Schema.Boolean
})

export const GroupRecord = Schema.Struct({
  /** Slots over all workers, decided last. */
  target: Schema.Int,
  decidedAt: Schema.Finite,
  /** Rounds since the last kept decision that changed nothing. */
  held: Schema.Int,
  serviceMs: Schema.Finite,
  startupMs: Schema.Finite,
  next: Schema.optionalKey(Schema.Struct({ mean: Schema.Finite, p90: Schema.Finite })),
  quality: Schema.optionalKey(StoredQuality),
  distrust: Schema.NullOr(Distrust)
})
export type GroupRecord = typeof GroupRecord.Type

const LeaderRecord = Schema.Struct({
  format: Schema.Literal(format),
  name: Schema.String,
  session: Schema.Int,
  roundAt: Schema.Finite,
  /** Up to where roll-ups of each width were searched for new groups. */
  scanned: Schema.Record(Schema.String, Schema.Finite),
  learnedAt: Schema.Finite,
  groups: Schema.Record(Schema.String, GroupRecord)
})
export type LeaderRecord = typeof LeaderRecord.Type

const Stored = Schema.fromJsonString(LeaderRecord)
const decode = Schema.decodeUnknownOption(Stored)
const encode = Schema.encodeSync(Stored)

export const leaderText = (record: Omit<LeaderRecord, "format">): string => encode({ format, ...record })

/** Undefined when there is none, or one of another format. */
export const leaderOf = (text: string | undefined): LeaderRecord | undefined =>
  text === undefined ? undefined : Option.getOrUndefined(decode(text))

export const leaderDocument = (documents: Documents["Service"]) => documents.get(scaleLeaderKind, scaleLeaderKey)
