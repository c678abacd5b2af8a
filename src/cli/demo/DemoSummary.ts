/** How a demo went: what `--json` prints, and the same for people. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Histogram, type RollUp, TaskQueue } from "../../services/Queue/index.ts"
import type { Style } from "../terminal/Style.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import * as Table from "../terminal/Table.ts"
import * as DemoTask from "./DemoTask.ts"
import { type FolderListing, leftOutReasons } from "./FolderFiles.ts"
import type { FileWork } from "./FileWork.ts"

const Quantiles = Schema.Struct({ p50: Schema.Finite, p95: Schema.Finite, p99: Schema.Finite })

const GroupSummary = Schema.Struct({
  group: Schema.String,
  task: Schema.String,
  completed: Schema.Int,
  failed: Schema.Int,
  cancelled: Schema.Int,
  retries: Schema.Int,
  /** From the moment a job could have started to its start, in milliseconds. */
  waitMs: Quantiles,
  /** Of every attempt, in milliseconds. */
  runMs: Quantiles
})

/** Times in milliseconds. */
export const DemoSummary = Schema.Struct({
  folder: Schema.String,
  /** The file the jobs are in. */
  store: Schema.String,
  files: Schema.Int,
  bytes: Schema.Int,
  leftOut: Schema.Array(
    Schema.Struct({
      reason: Schema.Literals(leftOutReasons),
      files: Schema.Int,
      bytes: Schema.Int,
      folders: Schema.Int
    })
  ),
  /** False: there is more in the folder than was looked at. */
  complete: Schema.Boolean,
  jobs: Schema.Int,
  failed: Schema.Int,
  retries: Schema.Int,
  /** From the first enqueue to the last result. */
  durationMs: Schema.Finite,
  /** Jobs ÷ duration; null without jobs. */
  jobsPerSecond: Schema.NullOr(Schema.Finite),
  groups: Schema.Array(GroupSummary),
  results: Schema.Struct({
    hashed: Schema.Struct({ files: Schema.Int, bytes: Schema.Int }),
    compressed: Schema.Struct({ files: Schema.Int, bytes: Schema.Int, compressedBytes: Schema.Int }),
    counted: Schema.Struct({ files: Schema.Int, binaryFiles: Schema.Int, words: Schema.Int }),
    fetched: Schema.Struct({ files: Schema.Int, bytes: Schema.Int, changedFiles: Schema.Int })
  }),
  /** The jobs that failed or were cancelled; at most 100. */
  failures: Schema.Array(
    Schema.Struct({ id: Schema.String, task: Schema.String, file: Schema.String, message: Schema.String })
  )
})
export type DemoSummary = typeof DemoSummary.Type
type GroupSummary = typeof GroupSummary.Type

const failuresKept = 100
const failuresShown = 10

const quantiles = (histogram: Histogram.Histogram) => ({
  p50: Histogram.quantile(histogram, 0.5),
  p95: Histogram.quantile(histogram, 0.95),
  p99: Histogram.quantile(histogram, 0.99)
})

const groupSummary = (task: string, group: string, rollUps: ReadonlyArray<RollUp>): GroupSummary => {
  const own = rollUps.filter((rollUp) => rollUp.task === task)
  const total = (of: (rollUp: RollUp) => number) => own.reduce((sum, rollUp) => sum + of(rollUp), 0)
  const merged = (of: (rollUp: RollUp) => Histogram.Histogram) =>
    own.reduce((all, rollUp) => Histogram.merge(all, of(rollUp)), Histogram.empty)
  return {
    group,
    task,
    completed: total(({ completed }) => completed),
    failed: total(({ dead }) => dead),
    cancelled: total(({ cancelled }) => cancelled),
    retries: total(({ retried }) => retried),
    waitMs: quantiles(merged(({ wait }) => wait)),
    runMs: quantiles(merged(({ run }) => run))
  }
}

/**
 * Puts together the account of the work and the roll-ups that the store kept of it. The store holds this demo's jobs
 * only.
 */
export const summarize = (demo: {
  readonly listing: FolderListing
  readonly store: string
  readonly work: FileWork
  readonly durationMs: number
}) =>
  Effect.gen(function* () {
    const { durationMs, listing, store, work } = demo
    const rollUps = yield* (yield* TaskQueue).rollUps({
      width: 10_000,
      from: 0,
      to: (yield* Clock.currentTimeMillis) + 10_000
    })
    const groups = DemoTask.all.map(({ group, name }) => groupSummary(name, group.name, rollUps))
    const jobs = DemoTask.all.length * listing.files.length
    const summary: DemoSummary = {
      folder: listing.folder,
      store,
      files: listing.files.length,
      bytes: listing.bytes,
      leftOut: listing.leftOut.map(({ bytes, files, folders, reason }) => ({ reason, files, bytes, folders })),
      complete: listing.complete,
      jobs,
      failed: work.failed.length,
      retries: groups.reduce((sum, { retries }) => sum + retries, 0),
      durationMs,
      jobsPerSecond: jobs === 0 ? null : (jobs / Math.max(1, durationMs)) * 1000,
      groups,
      results: work.results,
      failures: work.failed.slice(0, failuresKept)
    }
    return summary
  })

const columns: ReadonlyArray<Table.Column<GroupSummary>> = [
  { header: "GROUP", value: ({ group }) => group },
  { header: "TASK", value: ({ task }) => task },
  { header: "DONE", align: "right", value: ({ completed }) => HumanNumber.count(completed) },
  ...(["waitMs", "runMs"] as const).flatMap((times) =>
    (["p50", "p95", "p99"] as const).map(
      (quantile): Table.Column<GroupSummary> => ({
        header: `${quantile === "p50" ? (times === "waitMs" ? "WAIT " : "RUN ") : ""}${quantile}`,
        align: "right",
        value: (row) => HumanNumber.duration(row[times][quantile])
      })
    )
  )
]

const plural = (n: number, noun: string): string => `${HumanNumber.count(n)} ${noun}${n === 1 ? "" : "s"}`

const resultLines = ({ results }: DemoSummary): ReadonlyArray<string> => {
  const { compressed, counted, fetched, hashed } = results
  const share = compressed.bytes === 0 ? "" : ` (${HumanNumber.percent(compressed.compressedBytes / compressed.bytes)})`
  return Table.fields([
    ["hashed", `${plural(hashed.files, "file")}, ${HumanNumber.bytes(hashed.bytes)}`],
    [
      "compressed",
      `${HumanNumber.bytes(compressed.bytes)} to ${HumanNumber.bytes(compressed.compressedBytes)}${share}, in a thread`
    ],
    [
      "counted",
      `${plural(counted.words, "word")} in ${plural(counted.files - counted.binaryFiles, "text")}` +
        (counted.binaryFiles === 0 ? "" : `, ${plural(counted.binaryFiles, "binary file")} passed over`)
    ],
    [
      "fetched",
      `${plural(fetched.files, "file")} over HTTP, ${fetched.files === fetched.changedFiles ? "" : "digests equal"}` +
        (fetched.changedFiles === 0 ? "" : `, ${plural(fetched.changedFiles, "file")} changed meanwhile`)
    ]
  ])
}

/** For people, safe to show. */
export const lines = (
  summary: DemoSummary,
  options: { readonly width: number | undefined; readonly style: Style }
): ReadonlyArray<string> => {
  const { style } = options
  const more = summary.failed - Math.min(failuresShown, summary.failures.length)
  return [
    `${style.bold(`${plural(summary.jobs, "job")} in ${HumanNumber.duration(summary.durationMs)}`)}, ` +
      `${HumanNumber.rate(summary.jobsPerSecond ?? Number.NaN)}, ` +
      `${summary.failed === 0 ? style.good("none failed") : style.bad(`${HumanNumber.count(summary.failed)} failed`)}, ` +
      `${summary.retries === 0 ? "no retries" : summary.retries === 1 ? "1 retry" : `${HumanNumber.count(summary.retries)} retries`}`,
    ...resultLines(summary).map((line) => `  ${line}`),
    "",
    ...Table.render(columns, summary.groups, { ...options, wide: false }),
    style.dim("All jobs were put in at once: the wait is the length of the line."),
    ...summary.failures
      .slice(0, failuresShown)
      .map(({ file, id, message, task }) =>
        style.bad(`${task} ${id} failed for ${Sanitize.line(file)}: ${Sanitize.line(message)}`)
      ),
    ...(more > 0 ? [`and ${HumanNumber.count(more)} more`] : [])
  ]
}
