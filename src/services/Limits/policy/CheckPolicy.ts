/** What every door that takes policies asks; throws `OutOfBounds` with one line, as `Queue/policy/Bounds.ts` does. */
import * as Bounds from "../../Queue/policy/Bounds.ts"
import type {
  BreakerPolicy,
  FeedbackPolicy,
  GroupPolicy,
  KeyConflict,
  KeyOrder,
  KeyPolicy,
  KeyRule,
  Rate
} from "../GroupPolicy.ts"
import { checkHours } from "./Hours.ts"

/** Rules of one group, which a key is compared with one by one. */
export const mostRules = 1_000

const keyOrders: ReadonlyArray<KeyOrder> = ["rank", "fifo"]
const keyConflicts: ReadonlyArray<KeyConflict> = ["queue", "cancelNewest", "cancelRunning"]

const leastWeight = 0.001
const mostWeight = 1_000_000

const namesOf = <A>(names: Readonly<Record<keyof A & string, 0>>): ReadonlySet<string> => new Set(Object.keys(names))

const rateNames = namesOf<Rate>({ limit: 0, perMs: 0, burst: 0 })
const breakerNames = namesOf<BreakerPolicy>({ share: 0, least: 0, windowMs: 0, openMs: 0, probes: 0 })
const feedbackNames = { rate: 0, adaptive: 0, breaker: 0 } as const
const keyNames = namesOf<KeyPolicy>({
  ...feedbackNames,
  concurrency: 0,
  weight: 0,
  order: 0,
  holds: 0,
  conflict: 0,
  backlog: 0
})
const ruleNames = namesOf<KeyRule>({ keys: 0, tier: 0, policy: 0 })
const groupNames = namesOf<GroupPolicy>({ ...feedbackNames, backlog: 0, hours: 0, fair: 0, tiers: 0, keys: 0 })

/** The fields that are there, each as its check answers it. */
const present = <A extends object>(
  value: A,
  checks: { readonly [K in keyof A]-?: (field: string, value: unknown) => A[K] },
  what: string
): A => {
  const checked: Partial<A> = {}
  for (const field of Object.keys(checks) as Array<keyof A & string>)
    if (value[field] !== undefined) checked[field] = checks[field](`${what}.${field}`, value[field])
  return checked as A
}

const positive = (most: number) => (what: string, value: unknown) => Bounds.whole(what, value, 1, most)
const anyCount = positive(Number.MAX_SAFE_INTEGER)
const milliseconds = positive(Bounds.longestMs)

const atLeastOne = (what: string, value: unknown) => Bounds.real(what, value, 1, Bounds.mostUnits)

export const checkRate = (what: string, value: unknown): Rate => {
  Bounds.fields(what, value, rateNames)
  const { limit, perMs } = value as Rate
  return {
    ...present(value as Rate, { limit: Bounds.cost, perMs: milliseconds, burst: atLeastOne }, what),
    limit: Bounds.cost(`${what}.limit`, limit),
    perMs: milliseconds(`${what}.perMs`, perMs)
  }
}

const checkBreaker = (what: string, value: unknown): BreakerPolicy => {
  Bounds.fields(what, value, breakerNames)
  return present(
    value as BreakerPolicy,
    {
      share: (field, share) => Bounds.real(field, share, 0.01, 1),
      least: positive(1_000_000),
      windowMs: milliseconds,
      openMs: milliseconds,
      probes: positive(Bounds.mostSlots)
    },
    what
  )
}

const feedbackChecks: { readonly [K in keyof FeedbackPolicy]-?: (field: string, value: unknown) => FeedbackPolicy[K] } =
  {
    rate: checkRate,
    adaptive: Bounds.boolean,
    breaker: checkBreaker
  }

export const checkKeyPolicy = (what: string, value: unknown): KeyPolicy => {
  Bounds.fields(what, value, keyNames)
  return present(
    value as KeyPolicy,
    {
      ...feedbackChecks,
      concurrency: anyCount,
      weight: (field, weight) => Bounds.real(field, weight, leastWeight, mostWeight),
      order: (field, order) => Bounds.oneOf(field, order, keyOrders),
      holds: Bounds.boolean,
      conflict: (field, conflict) => Bounds.oneOf(field, conflict, keyConflicts),
      backlog: anyCount
    },
    what
  )
}

const checkTiers = (what: string, value: unknown): Readonly<Record<string, KeyPolicy>> =>
  Object.fromEntries(
    Bounds.entries(what, value).map(([name, policy]) => [
      Bounds.label(`${what}: a tier's name`, name),
      checkKeyPolicy(`${what}.${name}`, policy)
    ])
  )

const checkRules = (what: string, value: unknown): ReadonlyArray<KeyRule> => {
  if (!Array.isArray(value) || value.length > mostRules)
    return Bounds.refuse(what, value, `a list of at most ${mostRules} rules`)
  return value.map((rule: unknown, i) => {
    const each = `${what}[${i}]`
    Bounds.fields(each, rule, ruleNames)
    return {
      ...present(rule as KeyRule, { keys: Bounds.label, tier: Bounds.label, policy: checkKeyPolicy }, each),
      keys: Bounds.label(`${each}.keys`, (rule as KeyRule).keys)
    }
  })
}

export const checkGroupPolicy = (what: string, value: unknown): GroupPolicy => {
  Bounds.fields(what, value, groupNames)
  const policy = present(
    value as GroupPolicy,
    {
      ...feedbackChecks,
      backlog: anyCount,
      hours: checkHours,
      fair: Bounds.boolean,
      tiers: checkTiers,
      keys: checkRules
    },
    what
  )
  for (const { keys, tier } of policy.keys ?? []) {
    if (tier !== undefined && !Object.hasOwn(policy.tiers ?? {}, tier))
      return Bounds.refuse(`${what}: the tier of keys ${Bounds.shown(keys)}`, tier, `one of ${what}.tiers`)
  }
  return policy
}
