/** The curves of a soak, thinned to what a picture can show. */
import { Histogram } from "../services/Queue/index.ts"
import { median } from "../bench/Measuring.ts"
import { shareAt } from "./DailyCurve.ts"
import type { SoakPlan } from "./SoakPlan.ts"
import type { Panel, Series } from "./SoakResult.ts"
import type { Decided, LineOf, Role, SoakLine } from "./SoakSamples.ts"

/** Points of a curve at most: about one for every four pixels. */
const points = 160

const hourMs = 3_600_000

/**
 * When a line was written, in hours of the day the run stands for: by the clock the time at work, accelerated by how
 * many of the day's jobs were sent by then.
 */
export const hoursOf = (plan: SoakPlan, lines: ReadonlyArray<SoakLine>): ((line: SoakLine) => number) => {
  if (!plan.accelerated) return ({ elapsed }) => elapsed / hourMs
  const known = lines.flatMap((line) =>
    line.type === "produced"
      ? [{ elapsed: line.elapsed, sent: line.sent }]
      : line.type === "part"
        ? [{ elapsed: line.elapsed, sent: line.from }]
        : []
  )
  return ({ elapsed }) => {
    const after = known.findIndex((each) => each.elapsed >= elapsed)
    const right = known[after < 0 ? known.length - 1 : after]!
    const left = known[Math.max(0, (after < 0 ? known.length : after) - 1)]!
    const width = right.elapsed - left.elapsed
    const share = width <= 0 ? 1 : Math.min(1, (elapsed - left.elapsed) / width)
    return plan.hours * shareAt((left.sent + (right.sent - left.sent) * share) / plan.jobs)
  }
}

const round = (value: number): number => Number(value.toPrecision(4))

/** One point per slice of the run that has lines in it. */
const thinned = <L extends SoakLine>(
  lines: ReadonlyArray<L>,
  span: number,
  hours: (line: SoakLine) => number,
  of: (lines: ReadonlyArray<L>, seconds: number) => number
): Series["points"] => {
  const width = Math.max(1, span / points)
  return [...Map.groupBy(lines, ({ elapsed }) => Math.floor(elapsed / width)).values()].map((slice) => [
    round(hours(slice[Math.floor(slice.length / 2)]!)),
    round(of(slice, width / 1000))
  ])
}

export const panelsOf = (plan: SoakPlan, lines: ReadonlyArray<SoakLine>): ReadonlyArray<Panel> => {
  const hours = hoursOf(plan, lines)
  const span = lines.at(-1)!.elapsed
  const processes = lines.filter((line) => line.type === "process")
  const stores = lines.filter((line) => line.type === "store")
  const workers = processes.filter(({ role }) => role === "worker")
  const byRole = (unit: string, title: string, of: (line: LineOf<"process">) => number): Panel => ({
    title,
    unit,
    series: (["worker", "producer", "soak"] as const satisfies ReadonlyArray<Role>).map((role) => ({
      name: role,
      points: thinned(
        processes.filter((line) => line.role === role),
        span,
        hours,
        (slice) => median(slice.map(of))
      )
    }))
  })
  const waits = (fraction: number): Series["points"] =>
    thinned(workers, span, hours, (slice) =>
      Histogram.quantile(
        slice.reduce(
          (sum, { waits }) =>
            waits === undefined ? sum : Histogram.merge(sum, { ...waits, buckets: Histogram.unpack(waits.buckets) }),
          Histogram.empty
        ),
        fraction
      )
    )
  const ofStore = (name: string, of: (line: LineOf<"store">) => number): Series => ({
    name,
    points: thinned(stores, span, hours, (slice) => median(slice.map(of)))
  })
  const decided = (name: string, by: Decided["by"]): Series => ({
    name,
    points: thinned(
      lines.filter((line) => line.type === "decision" && line.by === by && line.to !== undefined),
      span,
      hours,
      (slice) => median(slice.map((line) => (line.type === "decision" ? line.to! : 0)))
    )
  })
  const mega = 1e6
  return [
    {
      title: "Throughput: attempts started",
      unit: "per second",
      series: [
        {
          name: "started",
          points: thinned(
            workers,
            // Wide enough that every slice has a line of every worker.
            Math.max(span, plan.sampleMs * points * 3),
            hours,
            (slice, seconds) => slice.reduce((sum, { started = 0 }) => sum + started, 0) / seconds
          )
        }
      ]
    },
    {
      title: "Latency: asked for to first start",
      unit: "ms",
      series: [
        { name: "p50", points: waits(0.5) },
        { name: "p95", points: waits(0.95) },
        { name: "p99", points: waits(0.99) }
      ]
    },
    byRole("MB", "Heap after garbage collection", ({ heap }) => heap / mega),
    byRole("MB", "Resident memory", ({ rss }) => rss / mega),
    byRole("handles", "File descriptors and resources", ({ descriptors, resources }) => descriptors + resources),
    {
      title: "Store",
      unit: "MB",
      series: [
        ofStore("file", ({ fileBytes }) => fileBytes / mega),
        ofStore("write-ahead log", ({ walBytes }) => walBytes / mega)
      ]
    },
    {
      title: "Jobs in the store",
      unit: "jobs",
      series: [ofStore("live", ({ live }) => live), ofStore("finished", ({ finished }) => finished)]
    },
    ...(plan.unattended === true
      ? [
          {
            title: "Decided",
            unit: "slots, jobs of a batch",
            series: [decided("scaler", "scaler"), decided("tune", "tune"), decided("batches", "batches")]
          }
        ]
      : [])
  ]
}
