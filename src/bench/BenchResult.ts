/** A run's result as it is printed with `--json` and kept in a file. */
import * as Schema from "effect/Schema"

const Spread = {
  median: Schema.Finite,
  min: Schema.Finite,
  max: Schema.Finite,
  /** First and third quartile. */
  q1: Schema.Finite,
  q3: Schema.Finite,
  /** One per round. */
  values: Schema.Array(Schema.Finite)
}

export const FigureResult = Schema.Struct({
  variant: Schema.String,
  key: Schema.String,
  label: Schema.String,
  unit: Schema.String,
  detail: Schema.Boolean,
  ...Spread,
  /** To the figure of the same key of another variant, round by round. */
  ratio: Schema.optionalKey(Schema.Struct({ against: Schema.String, ...Spread })),
  target: Schema.optionalKey(
    Schema.Struct({
      atLeast: Schema.optionalKey(Schema.Finite),
      atMost: Schema.optionalKey(Schema.Finite),
      /** Absent: of the figure. */
      of: Schema.optionalKey(Schema.Literal("ratio")),
      met: Schema.Boolean,
      /** How far the median lies from the target, as a share of it; positive on the good side. */
      margin: Schema.Finite
    })
  )
})
export type FigureResult = typeof FigureResult.Type

export const Machine = Schema.Struct({
  cpu: Schema.String,
  cores: Schema.Int,
  memoryBytes: Schema.Finite,
  system: Schema.String,
  /** Of the folder the stores lay in. */
  fileSystem: Schema.String,
  node: Schema.String,
  sqlite: Schema.String,
  effect: Schema.String,
  sluice: Schema.String,
  packages: Schema.Record(Schema.String, Schema.String),
  /** The checkout's commit; `dirty` when files differ from it. Absent outside of a checkout. */
  commit: Schema.optionalKey(Schema.String),
  dirty: Schema.optionalKey(Schema.Boolean)
})

export const BenchResult = Schema.Struct({
  format: Schema.Literal(1),
  startedAt: Schema.String,
  seconds: Schema.Finite,
  quick: Schema.Boolean,
  rounds: Schema.Int,
  only: Schema.Array(Schema.String),
  machine: Machine,
  /** One-minute load average before the first round and after each. */
  load: Schema.Array(Schema.Finite),
  figures: Schema.Array(FigureResult),
  /** Measurements that failed or whose results were wrong: they do not count. */
  failures: Schema.Array(Schema.Struct({ variant: Schema.String, round: Schema.Int, message: Schema.String }))
})
export type BenchResult = typeof BenchResult.Type
