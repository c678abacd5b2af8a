/**
 * What the benchmark measures: variants, each a program of its own in a fresh process, and the figures each answers.
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export type Unit = "jobs/s" | "ms" | "µs" | "B" | "MiB" | "%" | "ratio"

/** Where a figure should lie. `of: "ratio"` judges its ratio to `against`, else the figure itself. */
export interface Target {
  readonly atLeast?: number
  readonly atMost?: number
  readonly of?: "ratio"
}

/** One number a variant answers, under the same key in `measure`'s answer. */
export interface Figure {
  readonly label: string
  readonly unit: Unit
  /** Shown with `--all` only. */
  readonly detail?: boolean
  readonly target?: Target
  /** The variant whose figure of the same key, in the same round, this one is divided by. */
  readonly against?: string
}

export interface Scale {
  /** Few jobs and short times: for a first look and for tests of the benchmark. */
  readonly quick: boolean
  /** A folder of this run; stores live here. */
  readonly folder: string
}

export type Figures = Readonly<Record<string, number>>

export interface Variant {
  /** `family/scenario/size/host`. */
  readonly name: string
  readonly figures: Readonly<Record<string, Figure>>
  /** Runs, checks its results and only then answers. */
  readonly measure: (scale: Scale) => Effect.Effect<Figures, unknown>
  /** Measured only when it is named. */
  readonly onRequest?: boolean
  /** Longest time one measurement may take, in milliseconds. Default two minutes. */
  readonly timeoutMs?: number
}

/** CPU time of all threads of the process: less moved by other work on the machine than the time by the wall. */
export const cpuFigure = (of: string): Figure => ({ label: `CPU per job: ${of}`, unit: "µs", detail: true })

/** A run's results were not what they had to be: its figures do not count. */
export class Unverified extends Schema.TaggedError<Unverified>()("Unverified", { message: Schema.String }) {}
