/**
 * The queue's figures in Effect's metric registry: whatever exports that (OTLP, Prometheus, `Metric.snapshot`) exports
 * them too. Nothing has to be turned on, and nothing is counted for them: each series is read, when somebody asks, from
 * figures that the queue keeps anyway.
 *
 * Three kinds, by who tells them:
 *
 * - **Of the store** (`jobs_…_total`, `queue_…`, `workers`): of all processes, the command line's among them. One
 *   worker at a time tells them, the leader of the role `metrics`, so that a sum over processes is right. They are read
 *   each 10 s and begin at zero with the leader; when another takes over, what happened in the seconds between is
 *   counted by neither.
 * - **Of a worker** (`job_…_seconds`, `worker_…`, `lease_lost_total`, `build_info`): of itself and the attempts that it
 *   ran.
 * - **Of a process** (`store_operation_seconds`): of its own calls.
 *
 * Labels are groups, tasks, states, outcomes and names of workers; never a job, a key or a person.
 */
import { type Context, Metric } from "effect"
import type { Counter } from "./policy/Counters.ts"
import { type Histogram, valueOf } from "./policy/Histogram.ts"

export type Labels = Readonly<Record<string, string>>

const counter = (name: string, description: string) =>
  Metric.counter(`sluice_${name}`, { description, incremental: true })
const gauge = (name: string, description: string) => Metric.gauge(`sluice_${name}`, { description })

/** Upper bounds in seconds: a job may take a millisecond or a day, and a turn of the store a tenth of one. */
const boundaries: ReadonlyArray<number> = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800,
  7200, 86_400
]
const seconds = (name: string, description: string) => Metric.histogram(`sluice_${name}`, { description, boundaries })

/** Of the store, by group and task: of each counter of the roll-ups. */
export const jobs = {
  arrivals: counter("jobs_enqueued_total", "Jobs that were stored."),
  starts: counter("jobs_started_total", "Attempts that began."),
  completed: counter("jobs_completed_total", "Jobs that completed."),
  failed: counter("jobs_failed_total", "Attempts that failed, also those that are tried again."),
  retried: counter("jobs_retried_total", "Failed attempts that are followed by another."),
  cancelled: counter("jobs_cancelled_total", "Jobs that were cancelled, or expired."),
  dead: counter("jobs_dead_total", "Jobs given up after their last attempt."),
  recovered: counter("jobs_recovered_total", "Attempts lost with their worker."),
  deduplicated: counter("jobs_deduplicated_total", "Enqueues whose unique key was taken."),
  limited: counter("jobs_rate_limited_total", "Jobs that had to wait for a limit of their key.")
} satisfies Record<Counter, Metric.Counter<number>>

/** Of the store. */
export const queue = {
  /** By group and state. */
  jobs: gauge("queue_jobs", "Jobs by group and state."),
  /** By group. */
  oldestPending: gauge("queue_oldest_pending_seconds", "How long the next pending job of the group has been due."),
  /** By group. */
  paused: gauge("queue_paused", "1 while the group, or the whole queue, is paused."),
  /** By group. */
  workers: gauge("workers", "Living workers with slots for the group.")
}

/** Of the store, by group: what its other side lets start. */
export const limits = {
  heldBack: gauge("limit_held_back", "1 while the group starts nothing, since its other side said when to come again."),
  breakerOpen: gauge("limit_breaker_open", "1 while the group's circuit breaker is open or half-open."),
  /** Of the leader of the role `sweep`, and 0 unless something is wrong. */
  mended: counter("limit_keys_mended_total", "Records of limited keys that differed from their jobs, and were mended."),
  /** Absent while nothing bounds it. */
  rate: gauge("limit_rate_units_per_second", "The rate in force for the group, found or declared, in units per second.")
}

/** Of a worker. */
export const worker = {
  /** By worker and group. */
  slots: gauge("worker_slots", "Slots of the worker."),
  /** By worker and group. */
  busy: gauge("worker_slots_busy", "Slots in use, a batch as one."),
  /** By worker and group. */
  lastClaim: gauge("worker_last_claim_timestamp_seconds", "When the worker last claimed a job, in seconds since 1970."),
  /** By worker and group. */
  leaseLost: counter("lease_lost_total", "Attempts whose end was refused, since the claim had passed on.")
}

/** Of a worker, by group, task and outcome: `completed`, or `failed` for an attempt that ended in any other way. */
export const attempt = {
  wait: seconds("job_wait_seconds", "From due (or enqueue, if later) to start."),
  run: seconds("job_run_seconds", "From start to the handler's end."),
  total: seconds("job_total_seconds", "From due (or enqueue, if later) to the handler's end.")
}

/** Of the scaler, by group; told by the worker that leads it. */
export const scaler = {
  /**
   * By group and mode. A decision that has run out has none: a series that stays would keep an autoscaler where a
   * leader that is gone left it.
   */
  desired: gauge(
    "scaler_desired_workers",
    "Slots the scaler wants for the group, over all workers; absent when the decision has run out."
  ),
  slots: gauge("scaler_slots", "Slots the group has, over all workers."),
  /** By group and bound. */
  bound: gauge("scaler_bound_workers", "The bounds of desired workers: min and max."),
  decidedAt: gauge(
    "scaler_decision_timestamp_seconds",
    "When the scaler last decided for the group, in seconds since 1970."
  ),
  /** By group, direction and reason. */
  actions: counter("scaler_actions_total", "Decisions that changed the target."),
  /** By group, quantile and horizon. */
  arrivals: gauge(
    "forecast_arrivals_per_second",
    "Forecast arrivals per second, by quantile, at the horizon in steps."
  ),
  error: gauge("forecast_error_ratio", "Weighted absolute error of late: the sum of errors by the sum of counts.")
}

/** Of a process, by operation and store. */
export const storeOperation = seconds("store_operation_seconds", "How long the store took; a turn is one transaction.")

/** Of a worker, by version, node, effect and store. */
export const build = gauge("build_info", "1; the labels say what runs.")

/**
 * Puts a series into the registry of `context`, to be read by `get` whenever somebody asks. Returns how to take it out
 * again. A second one of the same labels takes its place.
 */
export const register = <Input, State>(
  metric: Metric.Metric<Input, State>,
  labels: Labels,
  context: Context.Context<never>,
  get: () => State
): (() => void) => {
  const ignored = () => undefined
  return Metric.registerUnsafe(Metric.withAttributes(metric, labels), context, {
    get,
    update: ignored,
    modify: ignored
  }).remove
}

export const gaugeState = (value: number): Metric.GaugeState<number> => ({ value })

export const counterState = (count: number): Metric.CounterState<number> => ({ count, incremental: true })

/**
 * `unit`: how many of what the histogram holds make a second. Counts at a boundary are off by no more than one bucket
 * of the histogram, 1.6 %.
 */
export const secondsState = ({ buckets, count, max, sum }: Histogram, unit: number): Metric.HistogramState => {
  const counts: Array<[number, number]> = []
  let next = 0
  let below = 0
  for (const boundary of boundaries) {
    while (next < buckets.length && valueOf(buckets[next]![0]) <= boundary * unit) below += buckets[next++]![1]
    counts.push([boundary, below])
  }
  const min = buckets.length === 0 ? 0 : Math.min(valueOf(buckets[0]![0]), max)
  return { buckets: counts, count, min: min / unit, max: max / unit, sum: sum / unit }
}
