/** What a soak is to do, kept beside its store so that a later call can go on with it. */
import * as Schema from "effect/Schema"
import path from "node:path"

export const SoakPlan = Schema.Struct({
  format: Schema.Literal(1),
  /** The day's jobs as fast as they go, instead of by the clock. */
  accelerated: Schema.Boolean,
  /**
   * Nobody touches it: slots follow the scaler and `tune`, batch sizes are learned, alerts watch, a probe a second asks
   * whether it answers.
   */
  unattended: Schema.optionalKey(Schema.Boolean),
  /**
   * Length of the day that the jobs are spread over, in hours: real ones, or those that an accelerated run stands for.
   */
  hours: Schema.Finite,
  /** Jobs of the whole run. */
  jobs: Schema.Int,
  workers: Schema.Int,
  /** Slots of each worker. */
  slots: Schema.Int,
  /** Finished jobs the store keeps, per state; older ones are pruned while the run goes on. */
  retain: Schema.Int,
  sampleMs: Schema.Int,
  /** A worker process is killed with -9 and replaced every so often; absent: never. */
  killMs: Schema.optionalKey(Schema.Int),
  /** A worker process is stopped gracefully and replaced every so often; absent: never. */
  stopMs: Schema.optionalKey(Schema.Int)
})
export type SoakPlan = typeof SoakPlan.Type

/** The files of a soak, all in its folder. */
export const files = (folder: string) => ({
  plan: path.join(folder, "plan.json"),
  /** NDJSON, appended: everything the run has seen so far. */
  samples: path.join(folder, "samples.ndjson"),
  /** Appended by the handlers themselves: one line per started attempt of a sampled job. */
  ledger: path.join(folder, "ledger.txt"),
  store: path.join(folder, "jobs.db"),
  /** Holds the process id of the soak at work. */
  running: path.join(folder, "soak.pid"),
  page: path.join(folder, "report.html"),
  result: path.join(folder, "report.json"),
  text: path.join(folder, "report.txt")
})

/**
 * Every job of a run of up to a million is followed by itself in the ledger; about a million of a longer one, every
 * ninth of 8.64 million.
 */
export const sampledOneIn = ({ jobs }: Pick<SoakPlan, "jobs">): number => Math.max(1, Math.ceil(jobs / 1_000_000))

/**
 * Accelerated, the day goes by in minutes: the jobs of one are enqueued, the next begins when no more than these are
 * left.
 */
export const minutes = ({ hours }: SoakPlan): number => Math.ceil(hours * 60)
