/** The hours of groups, shown and set: what `queue hours` does. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type GroupHours, GroupHoursShape, toGroupHoursShape } from "../../api/HoursShape.ts"
import { hoursText, LimitLayers, Limits, opensAt, parseHours } from "../../services/Limits/index.ts"
import type { GroupRecord } from "../../services/Queue/index.ts"
import { fail } from "../Failure.ts"
import { existing } from "../GroupArgument.ts"
import { output } from "../Output.ts"
import { relativeTime } from "../terminal/RelativeTime.ts"
import type { Column } from "../terminal/Table.ts"

const hoursOf = ({ name, operatorPolicy, policy }: GroupRecord, now: number): GroupHours => {
  const opens = opensAt(policy, now)
  return {
    group: name,
    hours: policy.hours,
    from: operatorPolicy !== undefined ? "operator" : policy.hours !== undefined ? "declared" : "default",
    opensAt: opens > now ? opens : undefined
  }
}

const text = ({ hours }: GroupHours) => (hours === undefined ? "all hours" : hoursText(hours))

/** Of all groups, or of one. */
export const showHours = (group: string | undefined, json: boolean) =>
  Effect.gen(function* () {
    const out = yield* output
    if (group !== undefined) yield* existing(group)
    const now = yield* Clock.currentTimeMillis
    const columns: ReadonlyArray<Column<GroupHours>> = [
      { header: "group", value: ({ group }) => group, minimum: 8 },
      { header: "hours", value: text, minimum: 20 },
      { header: "from", value: ({ from }) => from },
      {
        header: "",
        value: ({ opensAt }) => (opensAt === undefined ? "" : `opens ${relativeTime(opensAt, now)}`),
        style: (cell, _, style) => style.warning(cell)
      }
    ]
    const records = (yield* Limits.use((limits) => limits.list)).filter(
      ({ name }) => group === undefined || name === group
    )
    const rows = records.map((record) => hoursOf(record, now))
    if (json) for (const row of rows) yield* out.json(GroupHoursShape, toGroupHoursShape(row))
    else if (out.quiet) yield* out.lines(rows.map(text))
    else yield* out.table(columns, rows, { wide: false })
  }).pipe(Effect.provide(LimitLayers.layer))

export const setHours = (group: string, words: string) =>
  Effect.gen(function* () {
    const out = yield* output
    const limits = yield* Limits
    const hours = words === "none" ? undefined : yield* parsed(words)
    const known = (yield* limits.list).find(({ name }) => name === group)
    const { hours: _, ...others } = known?.policy ?? {}
    const record = yield* limits.set(group, { policy: hours === undefined ? others : { ...others, hours } })
    const now = yield* Clock.currentTimeMillis
    const row = hoursOf(record, now)
    yield* out.line(
      out.quiet
        ? text(row)
        : row.hours === undefined
          ? `group ${group} works at all hours`
          : `group ${group} works ${text(row)}${row.opensAt === undefined ? "; it is open" : `; it opens ${relativeTime(row.opensAt, now)}`}`
    )
  }).pipe(Effect.provide(LimitLayers.layer))

const parsed = (words: string) =>
  Effect.try({
    try: () => parseHours(words),
    catch: (error) => fail("usage", error instanceof Error ? error.message : String(error))
  })
