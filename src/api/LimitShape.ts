/** Limits as `--json` prints them. */
import * as Schema from "effect/Schema"
import type { GroupPolicy, KeyPolicy, Rate } from "../services/Limits/index.ts"
import type { GroupRecord, KeyRecord } from "../services/Store/index.ts"

const RateShape = Schema.Struct({
  limit: Schema.Finite,
  perMs: Schema.Finite,
  /** Null: by default. */
  burst: Schema.NullOr(Schema.Finite)
})

export const KeyPolicyShape = Schema.Struct({
  concurrency: Schema.NullOr(Schema.Finite),
  rate: Schema.NullOr(RateShape),
  /** Whether the rate is found from what the other side refuses. */
  adaptive: Schema.Boolean,
  /** Whether nothing starts while too many attempts fail. */
  breaker: Schema.Boolean,
  weight: Schema.Finite,
  order: Schema.Literals(["rank", "fifo"]),
  /** Of `fifo`: whether a job that waits for its time or its next attempt holds its key. */
  holds: Schema.Boolean,
  conflict: Schema.Literals(["queue", "cancelNewest", "cancelRunning"]),
  backlog: Schema.NullOr(Schema.Finite)
})

/** A line of `queue limit ls`: a group, a tier or a rule of it, or a key that has, holds or waits for something. */
export const LimitShape = Schema.Struct({
  group: Schema.String,
  /** Whose limit it is: the `group`'s, that of a `tier`, of the keys of a `pattern`, or of one `key`. */
  of: Schema.Literals(["group", "tier", "pattern", "key"]),
  /** The tier, pattern or key; null: the group. */
  name: Schema.NullOr(Schema.String),
  setBy: Schema.Literals(["operator", "program", "rule"]),
  /** Of a group: slots over all workers; null: no limit. */
  slots: Schema.NullOr(Schema.Finite),
  fair: Schema.Boolean,
  /** Of a pattern. */
  tier: Schema.NullOr(Schema.String),
  policy: KeyPolicyShape,
  /** Slots that jobs of it hold, running ones among them. */
  held: Schema.NullOr(Schema.Finite),
  running: Schema.NullOr(Schema.Finite),
  /** Jobs that wait for this limit; null where they are not counted. */
  waiting: Schema.NullOr(Schema.Finite),
  /** Milliseconds since 1970. */
  waitingSince: Schema.NullOr(Schema.Finite),
  nextAt: Schema.NullOr(Schema.Finite),
  heldBackUntil: Schema.NullOr(Schema.Finite),
  paused: Schema.Boolean
})
export type Limit = typeof LimitShape.Type

const toRate = (rate: Rate | undefined): Limit["policy"]["rate"] =>
  rate === undefined ? null : { limit: rate.limit, perMs: rate.perMs, burst: rate.burst ?? null }

const toPolicy = (policy: KeyPolicy): Limit["policy"] => ({
  concurrency: policy.concurrency ?? null,
  rate: toRate(policy.rate),
  adaptive: policy.adaptive === true,
  breaker: policy.breaker !== undefined,
  weight: policy.weight ?? 1,
  order: policy.order ?? "rank",
  holds: policy.holds ?? true,
  conflict: policy.conflict ?? "queue",
  backlog: policy.backlog ?? null
})

const uncounted = { held: null, running: null, waiting: null, waitingSince: null, nextAt: null, heldBackUntil: null }

const ofRules = (
  group: string,
  { keys = [], tiers = {} }: GroupPolicy,
  setBy: Limit["setBy"]
): ReadonlyArray<Limit> => {
  const rest = { group, setBy, slots: null, fair: false, ...uncounted, paused: false }
  return [
    ...Object.entries(tiers).map(
      ([name, policy]): Limit => ({ ...rest, of: "tier", name, tier: null, policy: toPolicy(policy) })
    ),
    ...keys.map(
      ({ keys: name, policy = {}, tier }): Limit => ({
        ...rest,
        of: "pattern",
        name,
        tier: tier ?? null,
        policy: toPolicy(policy)
      })
    )
  ]
}

/** The lines of a group: itself, its tiers and rules. */
export const ofGroup = (record: GroupRecord, unlimited: number): ReadonlyArray<Limit> => {
  const { busy, heldBackUntil, limit, name, operatorPolicy, paused, policy } = record
  const setBy = operatorPolicy === undefined ? "program" : "operator"
  return [
    {
      group: name,
      of: "group",
      name: null,
      setBy: record.operatorLimit === undefined ? setBy : "operator",
      slots: limit === unlimited ? null : limit,
      fair: policy.fair === true,
      tier: null,
      policy: toPolicy({
        rate: policy.rate,
        adaptive: policy.adaptive,
        breaker: policy.breaker,
        backlog: policy.backlog
      }),
      ...uncounted,
      held: busy,
      heldBackUntil: heldBackUntil === 0 ? null : heldBackUntil,
      paused
    },
    ...ofRules(name, policy, setBy)
  ]
}

export const ofKey = (record: KeyRecord): Limit => ({
  group: record.group,
  of: "key",
  name: record.key,
  setBy: record.ownPolicy === undefined ? "rule" : "operator",
  slots: null,
  fair: false,
  tier: null,
  policy: toPolicy(record.policy),
  held: record.held,
  running: record.running,
  waiting: record.waiting,
  waitingSince: record.waitingSince ?? null,
  nextAt: record.nextAt ?? null,
  heldBackUntil: record.heldBackUntil === 0 ? null : record.heldBackUntil,
  paused: record.paused
})
