import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { isWorkerAlive, type ResourceRollUp, slope, TaskQueue } from "../../../services/Queue/index.ts"
import { widthFor } from "../../../api/GroupFigures.ts"
import { hint } from "../../Hint.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { MemoryShape, type MemoryStatusShape, toMemoryStatusShape } from "../../../api/MemoryShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import { relativeTime } from "../../terminal/RelativeTime.ts"
import { sparkline } from "../../terminal/Sparkline.ts"
import type { Column } from "../../terminal/Table.ts"

const hourMs = 3_600_000
const sparkWidth = 40

const bytesOr = (bytes: number | null): string =>
  bytes === null ? HumanNumber.unknown : HumanNumber.bytes(bytes, "binary")

const heapOf = ({ heapBytes, heapLimitBytes }: MemoryStatusShape): string =>
  heapBytes === null || heapLimitBytes === null
    ? bytesOr(heapBytes)
    : `${bytesOr(heapBytes)} of ${bytesOr(heapLimitBytes)} (${HumanNumber.percent(heapBytes / heapLimitBytes)})`

const columns = (now: number): ReadonlyArray<Column<MemoryStatusShape>> => [
  { header: "session", value: ({ session }) => String(session), align: "right" },
  { header: "name", value: ({ name }) => name, minimum: 10 },
  {
    header: "pressure",
    value: ({ pressure }) => pressure ?? HumanNumber.unknown,
    style: (cell, { pressure }, style) =>
      pressure === "critical"
        ? style.bad(cell)
        : pressure === "high" || pressure === "elevated"
          ? style.warning(cell)
          : cell
  },
  { header: "heap", value: heapOf, align: "right" },
  { header: "resident", value: ({ rssBytes }) => bytesOr(rssBytes), align: "right" },
  { header: "beat", value: ({ lastBeat }) => relativeTime(Date.parse(lastBeat), now), align: "right" },
  { header: "pid", value: ({ pid }) => String(pid), align: "right" }
]

/** Less than this says nothing of a trend, in milliseconds. */
const trendLeastMs = 5 * 60_000

/** Bytes per hour; null where a few moments would pretend a trend. */
const perHour = (history: ReadonlyArray<ResourceRollUp>, of: (rollUp: ResourceRollUp) => number): number | null =>
  history.length < 3 || history.at(-1)!.start - history[0]!.start < trendLeastMs
    ? null
    : (slope(history.map((rollUp) => [(rollUp.start - history[0]!.start) / hourMs, of(rollUp)] as const)) ?? null)

const signed = (bytes: number | null): string =>
  bytes === null
    ? "too short for a trend"
    : `${bytes < 0 ? "−" : "+"}${HumanNumber.bytes(Math.abs(bytes), "binary")} an hour`

export const status = Command.make(
  "status",
  {
    since: JobFlags.durationFlag("since").pipe(
      Flag.withDescription("how far back the trend looks (default 1h)"),
      Flag.withDefault(Duration.hours(1))
    ),
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(function* ({ json, since, wide }) {
    const out = yield* output
    const queue = yield* TaskQueue
    const now = yield* Clock.currentTimeMillis
    const spanMs = Math.max(10_000, Duration.toMillis(since))
    const alive = (yield* queue.workers).filter((worker) => isWorkerAlive(worker, now))
    const history = [...(yield* queue.resourceRollUps({ width: widthFor(spanMs), from: now - spanMs, to: now }))].sort(
      (a, b) => a.start - b.start
    )
    const workers = alive.map(toMemoryStatusShape)
    const rssBytesPerHour = perHour(history, ({ rssBytesPeak }) => rssBytesPeak)
    const heapBytesPerHour = perHour(history, ({ heapBytesPeak }) => heapBytesPeak)
    if (json) {
      return yield* out.json(MemoryShape, {
        workers,
        spanMs,
        rssBytesPerHour,
        heapBytesPerHour,
        history: history.map(({ heapBytesPeak, rssBytesPeak, start }) => ({
          start: new Date(start).toISOString(),
          rssBytesPeak,
          heapBytesPeak
        }))
      })
    }
    if (workers.length === 0)
      yield* out.note(yield* hint("no worker is alive; start one in the background with: sluice worker -d"))
    else yield* out.table(columns(now), workers, { wide })
    if (out.quiet || history.length === 0) return
    const line = (name: string, of: (rollUp: ResourceRollUp) => number, trend: number | null) => {
      const values = history.map(of)
      const most = HumanNumber.bytes(Math.max(...values), "binary")
      return `${name.padEnd(9)}${sparkline(values, sparkWidth)} most ${most}, ${signed(trend)}`
    }
    yield* out.lines([
      "",
      `Peaks over all workers, last ${Duration.format(Duration.millis(spanMs))}:`,
      line("resident", ({ rssBytesPeak }) => rssBytesPeak, rssBytesPerHour),
      line("heap", ({ heapBytesPeak }) => heapBytesPeak, heapBytesPerHour)
    ])
  }, looking)
).pipe(
  Command.withDescription(
    "How much memory each worker uses of its limit, the pressure it is under, and the trend of the peaks."
  ),
  Command.withExamples([
    { command: "sluice memory status", description: "now, and the last hour" },
    { command: "sluice memory status --since 24h --json", description: "a day, for a program" }
  ])
)
