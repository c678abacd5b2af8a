import type { Archive } from "./Archive.ts"
import { Blend } from "./Blend.ts"
import { ErrorQuantiles } from "./ErrorQuantiles.ts"
import { dimension } from "./Features.ts"
import { Ridge } from "./Ridge.ts"

export const expertNames = [
  "ridge long",
  "ridge short",
  "level",
  "last",
  "naive day",
  "naive week",
  "profile day",
  "profile week"
]
export const experts = expertNames.length
export const spreadDimension = 6

/** All that is learned for one distance ahead, and its forecasts that wait for their counts. */
export class Lead {
  readonly lead: number
  readonly long = new Ridge(dimension)
  readonly short = new Ridge(dimension)
  readonly blend = new Blend(experts)
  readonly spread = new Ridge(spreadDimension)
  readonly errors = new ErrorQuantiles(60)
  // forecasts that wait, by target step modulo lead
  readonly features: Float32Array
  readonly spreadFeatures: Float32Array
  readonly levels: Float32Array
  readonly forecasts: Float64Array
  readonly mixtures: Float64Array
  readonly spreads: Float64Array
  readonly lows: Float64Array
  readonly highs: Float64Array
  readonly naives: Float64Array
  /** Steps learned from. */
  n = 0
  residual = 0
  unit = 0
  /** Decayed sums. */
  readonly sums = new Float64Array(8)

  constructor(lead: number) {
    this.lead = lead
    this.features = new Float32Array(lead * dimension)
    this.spreadFeatures = new Float32Array(lead * spreadDimension)
    this.levels = new Float32Array(lead)
    this.forecasts = new Float64Array(lead * experts)
    this.mixtures = new Float64Array(lead)
    this.spreads = new Float64Array(lead)
    this.lows = new Float64Array(lead)
    this.highs = new Float64Array(lead)
    this.naives = new Float64Array(lead)
  }

  carry(archive: Archive): void {
    for (const part of [this.long, this.short, this.blend, this.spread, this.errors]) part.carry(archive)
    for (const values of [
      this.features,
      this.spreadFeatures,
      this.levels,
      this.forecasts,
      this.mixtures,
      this.spreads,
      this.lows,
      this.highs,
      this.naives,
      this.sums
    ])
      archive.array(values)
    this.n = archive.number(this.n)
    this.residual = archive.number(this.residual)
    this.unit = archive.number(this.unit)
  }
}
