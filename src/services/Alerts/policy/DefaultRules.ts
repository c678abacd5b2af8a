/**
 * The rules that hold in every store without being asked for. Few, since each must be worth waking somebody in a queue
 * we know nothing of: how much backlog or waiting is too much differs, so those are left to be added; work that cannot
 * go on is wrong everywhere.
 */
import type { AlertRule } from "../AlertRule.ts"
import type { Metric } from "./Metrics.ts"
import { makeRule } from "./MakeRule.ts"

const minute = 60_000

const rule = (
  name: string,
  metric: Metric,
  threshold: number,
  rest: Partial<Pick<AlertRule, "forMs" | "overMs" | "severity" | "resolveAt">> = {}
): AlertRule => makeRule({ name, metric, threshold, ...rest })

export const defaultRules: ReadonlyArray<AlertRule> = [
  // Jobs are due, slots are free, a worker is there, and for two minutes nothing started: the queue is broken, not
  // busy.
  rule("nothing-starts", "no-claims", 2 * minute, { severity: "critical" }),
  rule("no-worker", "no-worker", 1, { severity: "critical" }),
  rule("failing", "failure-rate", 0.25, { resolveAt: 0.15 }),
  // Three jobs within a quarter of an hour: one worker that dies now and then is healed silently.
  rule("workers-lost", "lost-workers", 3),
  rule("memory", "memory-pressure", 2),
  // For an hour: a key whose jobs come faster than its limit lets them go, or whose jobs hang.
  rule("limit-holds", "limited-jobs", 1000, { resolveAt: 500 }),
  // A store that cannot grow refuses enqueues.
  rule("disk-nearly-full", "store-free", 512 * 1024 ** 2, { severity: "critical" }),
  rule("limit-ahead", "forecast-limit", 30 * minute, { severity: "critical" }),
  rule("unusual-arrivals", "anomalous-arrivals", 1),
  rule("unusual-failures", "anomalous-failures", 1),
  rule("unusual-run-time", "anomalous-run", 1),
  rule("unusual-wait", "anomalous-wait", 1)
]
