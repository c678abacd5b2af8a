import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { nothingSeen, type WorkerCurve, workerCurves } from "../../BatchCurves.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { BatchStatusShape } from "../../../api/BatchShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"
import type { Column } from "../../terminal/Table.ts"

const columns: ReadonlyArray<Column<BatchStatusShape>> = [
  { header: "task", value: ({ task }) => Sanitize.line(task), minimum: 8 },
  { header: "group", value: ({ group }) => Sanitize.line(group) },
  { header: "worker", value: ({ worker }) => Sanitize.line(worker) },
  { header: "calls", value: ({ calls }) => HumanNumber.count(calls), align: "right" },
  { header: "jobs", value: ({ items }) => HumanNumber.count(items), align: "right" },
  {
    header: "mean size",
    value: ({ meanSize }) => (meanSize === null ? HumanNumber.unknown : meanSize.toFixed(1)),
    align: "right"
  },
  { header: "most", value: ({ maxBatchSize }) => HumanNumber.count(maxBatchSize), align: "right" },
  { header: "best", value: ({ best }) => HumanNumber.count(best), align: "right" },
  {
    header: "split",
    value: ({ splits }) => HumanNumber.count(splits),
    align: "right",
    style: (cell, { splits }, style) => (splits > 0 ? style.bad(cell) : cell)
  }
]

const toStatus = ({ curve, worker }: WorkerCurve): BatchStatusShape => ({
  task: curve.task,
  group: curve.group,
  session: worker.session,
  worker: worker.name,
  calls: curve.calls,
  items: curve.items,
  meanSize: curve.calls === 0 ? null : curve.items / curve.calls,
  splits: curve.splits,
  maxBatchSize: curve.maxBatchSize,
  best: curve.best
})

export const status = Command.make(
  "status",
  {
    name: Argument.String("task").pipe(Argument.withDescription("of this task or group only"), Argument.optional),
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(function* ({ json, name, wide }) {
    const out = yield* output
    const rows = (yield* workerCurves(Option.getOrUndefined(name))).map(toStatus)
    if (json) for (const row of rows) yield* out.json(BatchStatusShape, row)
    else if (rows.length === 0) yield* out.note(nothingSeen)
    else yield* out.table(columns, rows, { wide })
  }, looking)
).pipe(
  Command.withDescription(
    "Calls and jobs by task and worker, how full the batches were, and calls that failed as a whole and were split."
  ),
  Command.withExamples([{ command: "sluice batch status mail", description: "of one task or group" }])
)
