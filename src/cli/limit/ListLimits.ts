/** The limits of groups, tiers and keys as a table, or for programs. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Limit, LimitShape, ofGroup, ofKey } from "../../api/LimitShape.ts"
import { type KeyPolicy, LimitLayers, Limits, PolicyText } from "../../services/Limits/index.ts"
import { ResourceGroup, TaskQueue } from "../../services/Queue/index.ts"
import { existing } from "../GroupArgument.ts"
import { output } from "../Output.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import type { Column } from "../terminal/Table.ts"

/** Keys shown: those that most jobs wait for. */
const keysShown = 20
const keysOfJson = 1_000

const orUndefined = <A>(value: A | null): A | undefined => value ?? undefined

const policyOf = ({ policy }: Limit): KeyPolicy => ({
  concurrency: orUndefined(policy.concurrency),
  rate: policy.rate === null ? undefined : { ...policy.rate, burst: orUndefined(policy.rate.burst) },
  adaptive: policy.adaptive,
  breaker: policy.breaker ? {} : undefined,
  weight: policy.weight === 1 ? undefined : policy.weight,
  order: policy.order,
  holds: policy.holds,
  conflict: policy.conflict,
  backlog: orUndefined(policy.backlog)
})

const inWords = (limit: Limit): string =>
  [
    limit.of === "group" ? `${limit.slots === null ? "no number of" : limit.slots} slots` : "",
    limit.fair ? "fair shares" : "",
    limit.tier === null ? "" : `as tier ${limit.tier}`,
    PolicyText.keyPolicyText(policyOf(limit))
  ]
    .filter((words) => words !== "")
    .join(", ")

const nameOf = ({ name, of }: Limit): string =>
  name === null ? "" : of === "key" && name === "" ? "without a key" : Sanitize.line(name)

const state = ({ heldBackUntil, paused }: Limit, now: number): string =>
  paused
    ? "paused"
    : heldBackUntil !== null && heldBackUntil > now
      ? `held back for ${HumanNumber.duration(heldBackUntil - now)}`
      : ""

const count = (value: number | null): string => (value === null ? "" : HumanNumber.count(value))

const columnsAt = (now: number): ReadonlyArray<Column<Limit>> => [
  { header: "group", value: ({ group }) => group, minimum: 8 },
  { header: "of", value: ({ of }) => of },
  { header: "name", value: nameOf },
  { header: "limit", value: inWords },
  { header: "held", value: ({ held }) => count(held), align: "right" },
  { header: "waiting", value: ({ waiting }) => count(waiting), align: "right" },
  {
    header: "since",
    value: ({ waitingSince }) => (waitingSince === null ? "" : HumanNumber.duration(Math.max(0, now - waitingSince))),
    align: "right"
  },
  { header: "set by", value: ({ setBy }) => setBy, wide: true },
  { header: "", value: (limit) => state(limit, now), style: (cell, _, style) => style.warning(cell) }
]

export const listLimits = Effect.fnUntraced(function* (
  group: Option.Option<string>,
  { json, wide }: { readonly json: boolean; readonly wide: boolean }
) {
  const out = yield* output
  if (Option.isSome(group)) yield* existing(group.value)
  const now = yield* Clock.currentTimeMillis
  const { groups } = yield* TaskQueue.use((queue) => queue.stats)
  const filter = Option.isSome(group) ? { group: group.value } : {}
  const keys = yield* Limits.use((limits) => limits.keys(filter, json ? keysOfJson : keysShown + 1))
  const isListed = ({ name }: { readonly name: string }) => Option.isNone(group) || group.value === name
  const rows = groups
    .filter(isListed)
    .flatMap((record) => [
      ...ofGroup(record, ResourceGroup.unlimited),
      ...keys.slice(0, json ? keysOfJson : keysShown).flatMap((key) => (key.group === record.name ? [ofKey(key)] : []))
    ])
  if (json) return yield* Effect.forEach(rows, (row) => out.json(LimitShape, row), { discard: true })
  if (out.quiet) return yield* out.lines(rows.map((row) => nameOf(row) || row.group))
  yield* out.table(columnsAt(now), rows, { wide })
  if (keys.length > keysShown) yield* out.note(`the ${keysShown} keys that most jobs wait for; all of them: --json`)
}, Effect.provide(LimitLayers.layer))
