/** What alerts can be about: each metric with its unit, its side, and the times it goes by. */

/** How a metric's figures are to be read and written. */
export type MetricUnit = "jobs" | "share" | "duration" | "bytes" | "pressure" | "suspicion"

export interface MetricSpec {
  readonly unit: MetricUnit
  /** What each instance of a rule on it is about. */
  readonly of: "group" | "task" | "worker" | "store"
  /** On which side of the threshold, or on it, the condition holds. */
  readonly side: "above" | "below"
  /** In a word or two, for messages. */
  readonly title: string
  readonly summary: string
  /** How long the condition must hold before the alert fires, unless the rule says otherwise, in milliseconds. */
  readonly forMs: number
  /** The time the figure is taken over, unless the rule says otherwise, in milliseconds; undefined: the present. */
  readonly overMs: number | undefined
  /** The page that says what to do, without its `.md`. */
  readonly runbook: string
}

const minute = 60_000

const spec = (
  of: MetricSpec["of"],
  unit: MetricUnit,
  title: string,
  summary: string,
  rest: Partial<Pick<MetricSpec, "side" | "forMs" | "overMs">> & Pick<MetricSpec, "runbook">
): MetricSpec => ({ of, unit, title, summary, side: "above", forMs: 0, overMs: undefined, ...rest })

/** Every metric a rule may name. */
export const metrics = {
  "failure-rate": spec(
    "group",
    "share",
    "failure rate",
    "failed attempts among those that ended; at least 20 must have",
    {
      forMs: 2 * minute,
      overMs: 10 * minute,
      runbook: "failures"
    }
  ),
  "wait-p95": spec("group", "duration", "wait p95", "from due to start, of the jobs that started", {
    forMs: 5 * minute,
    overMs: 5 * minute,
    runbook: "slow"
  }),
  "run-p95": spec("group", "duration", "run p95", "how long attempts ran", {
    forMs: 5 * minute,
    overMs: 5 * minute,
    runbook: "slow"
  }),
  backlog: spec("group", "jobs", "backlog", "pending jobs", { forMs: 5 * minute, runbook: "backlog" }),
  "oldest-pending": spec("group", "duration", "oldest pending job", "for how long the next job has been due", {
    forMs: minute,
    runbook: "backlog"
  }),
  "limited-jobs": spec(
    "group",
    "jobs",
    "jobs held back",
    "jobs that wait for the limit of one partition key, of that with the most",
    {
      forMs: 60 * minute,
      runbook: "limits"
    }
  ),
  "dead-letters": spec("group", "jobs", "dead letters", "jobs given up", {
    overMs: 15 * minute,
    runbook: "dead-letters"
  }),
  "lost-workers": spec("group", "jobs", "jobs of lost workers", "jobs taken back from workers that were gone", {
    overMs: 15 * minute,
    runbook: "lost-workers"
  }),
  "no-worker": spec("task", "jobs", "jobs without a worker", "pending jobs of a task that no living worker serves", {
    forMs: 5 * minute,
    runbook: "no-worker"
  }),
  "no-claims": spec(
    "group",
    "duration",
    "nothing started",
    "time without a start while jobs wait, slots are free and a worker serves them",
    { forMs: minute, runbook: "no-claims" }
  ),
  "memory-pressure": spec("worker", "pressure", "memory pressure", "of a worker: ok, elevated, high, critical", {
    forMs: 5 * minute,
    runbook: "memory-pressure"
  }),
  "store-size": spec("store", "bytes", "store size", "of the store's files", { forMs: minute, runbook: "store-space" }),
  "store-free": spec("store", "bytes", "free space", "on the store's disk", {
    side: "below",
    forMs: minute,
    runbook: "store-space"
  }),
  "anomalous-arrivals": spec(
    "group",
    "suspicion",
    "arrivals",
    "far more or fewer than usual at this hour of the week",
    {
      runbook: "anomalies"
    }
  ),
  "anomalous-failures": spec("group", "suspicion", "failures", "a far larger share than usual", {
    runbook: "anomalies"
  }),
  "anomalous-run": spec("group", "suspicion", "run time", "p95 far above its course", { runbook: "anomalies" }),
  "anomalous-wait": spec("group", "suspicion", "wait time", "p95 far above its course", { runbook: "anomalies" }),
  "forecast-backlog": spec(
    "group",
    "jobs",
    "backlog to come",
    "largest backlog expected within the time looked ahead",
    {
      forMs: 2 * minute,
      overMs: 60 * minute,
      runbook: "forecasts"
    }
  ),
  "forecast-limit": spec(
    "store",
    "duration",
    "time to the limit",
    "until the store holds as many live jobs as it may",
    {
      side: "below",
      forMs: 2 * minute,
      overMs: 60 * minute,
      runbook: "forecasts"
    }
  )
} as const satisfies { readonly [name: string]: MetricSpec }

export type Metric = keyof typeof metrics

export const metricNames = Object.keys(metrics) as ReadonlyArray<Metric>

export const metricSpec = (metric: Metric): MetricSpec => metrics[metric]

/** Letters, digits and `. _ -`, at most 60: the name of a rule is a label of metrics and a word of commands. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/
