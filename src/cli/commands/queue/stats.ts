import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { TaskQueue } from "../../../services/Queue/index.ts"
import { sumUp, widthFor } from "../../../api/GroupFigures.ts"
import * as JobFlags from "../../JobFlags.ts"
import { taskName } from "../../JobTable.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { QueueStatsShape, toFigures } from "../../../api/QueueShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import type { Column } from "../../terminal/Table.ts"

type Row = typeof QueueStatsShape.Type

const three = ({ p50, p95, p99 }: Row["waitMs"]): string =>
  p50 === null ? HumanNumber.unknown : [p50, p95, p99].map((value) => HumanNumber.duration(value!)).join(" / ")

const columns = (header: string): ReadonlyArray<Column<Row>> => [
  { header, value: ({ name }) => name, minimum: 8 },
  { header: "arrived", value: ({ arrivals }) => HumanNumber.count(arrivals), align: "right" },
  { header: "completed", value: ({ completed }) => HumanNumber.count(completed), align: "right" },
  { header: "ended", value: ({ throughput }) => HumanNumber.rate(throughput), align: "right" },
  { header: "retried", value: ({ retried }) => HumanNumber.count(retried), align: "right" },
  {
    header: "gave up",
    value: ({ dead }) => HumanNumber.count(dead),
    align: "right",
    style: (cell, { dead }, style) => (dead > 0 ? style.bad(cell) : cell)
  },
  { header: "wait p50 / p95 / p99", value: ({ waitMs }) => three(waitMs), align: "right" },
  { header: "run p50 / p95 / p99", value: ({ runMs }) => three(runMs), align: "right" },
  { header: "recovered", value: ({ recovered }) => HumanNumber.count(recovered), align: "right", wide: true },
  { header: "cancelled", value: ({ cancelled }) => HumanNumber.count(cancelled), align: "right", wide: true }
]

export const stats = Command.make(
  "stats",
  {
    since: JobFlags.durationFlag("since").pipe(
      Flag.withDescription("how far back (default 1h)"),
      Flag.withDefault(Duration.hours(1))
    ),
    group: Flag.String("group").pipe(
      Flag.withAlias("g"),
      Flag.withMetavar("GROUP"),
      Flag.withDescription("of this group only"),
      Flag.optional
    ),
    byTask: Flag.Boolean("by-task").pipe(
      Flag.withoutNegation,
      Flag.withDescription("a line per task instead of per group"),
      Flag.withDefault(false)
    ),
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(function* ({ byTask, group, json, since, wide }) {
    const out = yield* output
    const now = yield* Clock.currentTimeMillis
    const spanMs = Math.max(1000, Duration.toMillis(since))
    const rollUps = yield* TaskQueue.use((queue) =>
      queue.rollUps({
        width: widthFor(spanMs),
        from: now - spanMs,
        to: now,
        ...(Option.isSome(group) ? { group: group.value } : {})
      })
    )
    const rows = sumUp(rollUps, (rollUp) => (byTask ? taskName(rollUp.task) : rollUp.group)).map(
      (figures): Row => ({ name: figures.name, spanMs, ...toFigures(figures, spanMs) })
    )
    if (json) {
      for (const row of rows) yield* out.json(QueueStatsShape, row)
    } else if (rows.length === 0) yield* out.note(`nothing happened in the last ${Duration.format(since)}`)
    else yield* out.table(columns(byTask ? "task" : "group"), rows, { wide })
  }, looking)
).pipe(
  Command.withDescription(
    "Throughput, failures, and how long jobs waited and ran: medians, 95th and 99th percentiles."
  ),
  Command.withExamples([
    { command: "sluice queue stats --since 1h" },
    { command: "sluice queue stats -g network --by-task", description: "of one group, task by task" }
  ])
)
