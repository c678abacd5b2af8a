/** A profile's report for a person. */
import * as Effect from "effect/Effect"
import type { ProfilingReport } from "../../services/Queue/index.ts"
import type { Output } from "../Output.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import * as Table from "../terminal/Table.ts"
import type { Column } from "../terminal/Table.ts"

type Report = ProfilingReport.ProfilingReport
type TaskFigures = Report["tasks"][number]

const three = ({ count, p50, p95, p99 }: TaskFigures["runMs"]): string =>
  count === 0 ? HumanNumber.unknown : [p50, p95, p99].map(HumanNumber.duration).join(" / ")

const share = (value: number | null): string => (value === null ? HumanNumber.unknown : HumanNumber.percent(value))
const bytes = (value: number | null): string => (value === null ? HumanNumber.unknown : HumanNumber.bytes(value))

export const taskColumns: ReadonlyArray<Column<TaskFigures>> = [
  { header: "task", value: ({ task }) => task, minimum: 8 },
  { header: "group", value: ({ group }) => group ?? "", minimum: 6, wide: true },
  { header: "attempts", value: ({ attempts }) => HumanNumber.count(attempts), align: "right" },
  { header: "failed", value: ({ failed }) => HumanNumber.count(failed), align: "right" },
  { header: "per second", value: ({ throughput }) => HumanNumber.rate(throughput), align: "right" },
  { header: "wait p50 / p95 / p99", value: ({ waitMs }) => three(waitMs), align: "right" },
  { header: "run p50 / p95 / p99", value: ({ runMs }) => three(runMs), align: "right" },
  { header: "store p50 / p95 / p99", value: ({ storeMs }) => three(storeMs), align: "right" }
]

/** Contexts have no group, no wait and nothing to store. */
export const contextColumns: ReadonlyArray<Column<TaskFigures>> = [
  { header: "context", value: ({ task }) => task, minimum: 8 },
  ...taskColumns.filter(({ header }) => /^(attempts|failed|per second|run )/.test(header))
]

const ownerColumns: ReadonlyArray<Column<Report["owners"][number]>> = [
  { header: "whose work", value: ({ owner }) => owner, minimum: 8 },
  { header: "held the loop", value: ({ onLoopMs }) => HumanNumber.duration(onLoopMs), align: "right" },
  { header: "allocated", value: ({ allocatedBytes }) => HumanNumber.bytes(allocatedBytes), align: "right" },
  {
    header: "hottest",
    value: ({ hottest: [first] }) => (first === undefined ? "" : `${first.name} ${first.at}`),
    minimum: 12
  }
]

const hotColumns: ReadonlyArray<Column<Report["hottest"][number]>> = [
  { header: "self", value: ({ selfMs }) => HumanNumber.duration(selfMs), align: "right" },
  { header: "total", value: ({ totalMs }) => HumanNumber.duration(totalMs), align: "right" },
  { header: "function", value: ({ name }) => name, minimum: 10 },
  { header: "at", value: ({ at }) => at, minimum: 12 }
]

export const slowColumns: ReadonlyArray<Column<Report["slowest"][number]>> = [
  { header: "slowest", value: ({ job }) => job, minimum: 11 },
  { header: "task", value: ({ task }) => task, minimum: 8 },
  { header: "ran", value: ({ runMs }) => HumanNumber.duration(runMs), align: "right" },
  { header: "held at first", value: ({ heldMs }) => HumanNumber.duration(heldMs), align: "right" },
  { header: "waited", value: ({ waitMs }) => HumanNumber.duration(waitMs), align: "right" },
  { header: "collections", value: ({ gcMs }) => HumanNumber.duration(gcMs), align: "right" },
  { header: "loop late", value: ({ loopDelayMs }) => HumanNumber.duration(loopDelayMs), align: "right" },
  { header: "beyond p99", value: ({ beyondP99 }) => (beyondP99 ? "yes" : "no") }
]

export const leakLine = ({ bytesPerAttempt, orOneOf, samples, task, within }: Report["leaks"][number]): string =>
  Sanitize.line(
    `Leak? ${[task, ...orOneOf].join(" or ")} leaves ${Math.round(bytesPerAttempt)} ± ${Math.round(within)} B per attempt, over ${samples} full collections`
  )

const hottestShown = 10

/** Prints it: what held the worker back first. */
export const printReport = (out: Output, report: Report, wide: boolean) =>
  Effect.gen(function* () {
    const { process: used } = report
    yield* out.lines(
      Table.fields(
        [
          ["profile", report.id],
          ["of", `${report.label}, process ${report.pid} on ${report.host}`],
          ["taken", `${new Date(report.startedAt).toISOString()}, ${HumanNumber.duration(report.durationMs)}`],
          ["samples", `${HumanNumber.count(report.samples)}; ${share(report.attributed)} of the work is some task's`],
          [
            "event loop",
            `busy ${share(used.loopUtilisation)}, on a core ${share(used.onCpu)}, waiting for one ${share(used.starved)}`
          ],
          ["CPU", `${share(used.cpu)} of one core, all threads`],
          [
            "memory",
            `heap ${bytes(used.heapBytes)}, resident ${bytes(used.rssBytes)}, at most ${bytes(used.peakRssBytes)}`
          ],
          ["collections", `${HumanNumber.duration(used.gcMs)}, ${share(used.gcShare)} of the time`],
          ["disk", `${bytes(used.diskReadBytes)} read, ${bytes(used.diskWrittenBytes)} written`],
          [
            "network",
            `${bytes(used.networkReceivedBytes)} in, ${bytes(used.networkSentBytes)} out (the machine's interfaces)`
          ],
          [
            "store",
            `${HumanNumber.count(report.store.turns)} turns, under way ${share(report.store.share)} of the time, p95 ${HumanNumber.duration(report.store.turnMs.p95)}`
          ]
        ],
        out.style
      )
    )
    yield* out.line("")
    if (report.bottlenecks.length === 0) yield* out.line("No bottleneck: nothing held this worker back.")
    for (const { advice, evidence, kind, task } of report.bottlenecks) {
      yield* out.line(out.style.bold(Sanitize.line(`Bottleneck: ${kind}${task === null ? "" : ` (${task})`}`)))
      yield* out.lines([...evidence.map((line) => `  ${Sanitize.line(line)}`), `  → ${advice}`])
    }
    yield* out.lines(report.leaks.map(leakLine))
    const section = <Row>(columns: ReadonlyArray<Column<Row>>, rows: ReadonlyArray<Row>) =>
      rows.length === 0 ? Effect.void : Effect.andThen(out.line(""), out.table(columns, rows, { wide }))
    yield* section(taskColumns, report.tasks)
    yield* section(contextColumns, report.contexts)
    yield* section(ownerColumns, report.owners)
    yield* section(hotColumns, wide ? report.hottest : report.hottest.slice(0, hottestShown))
    yield* section(slowColumns, wide ? report.slowest : report.slowest.slice(0, 5))
  })
