import * as Arr from "effect/Array"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { JobValues, Outputs, StoreLayers, type StoredOutput, TaskQueue } from "../../../services/Queue/index.ts"
import { DiskUsageShape } from "../../../api/QueueShape.ts"
import { type OutputUsage, totalBytes, type Usage, usageRows } from "../../../api/UsageShape.ts"
import * as JobFlags from "../../JobFlags.ts"
import { taskName } from "../../JobTable.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Table from "../../terminal/Table.ts"

/** Jobs looked up for whose their outputs are: the largest. What is left of a larger folder is in its total alone. */
const outputsLookedUp = 5_000
const lookedUpAtOnce = 500

const barWidth = 24

/** Whose the outputs are, of those jobs with most. */
const ofJobs = (stored: ReadonlyArray<StoredOutput>) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const largest = stored.toSorted((a, b) => b.bytes - a.bytes).slice(0, outputsLookedUp)
    const known: Array<OutputUsage> = []
    for (const some of Arr.chunksOf(largest, lookedUpAtOnce)) {
      const bytesOf = new Map(some.map(({ bytes, job }) => [job, bytes]))
      const { jobs } = yield* queue.list({ ids: [...bytesOf.keys()] }, { limit: lookedUpAtOnce })
      for (const { group, id, state, task } of jobs) known.push({ group, task, state, bytes: bytesOf.get(id)! })
    }
    return known
  }).pipe(Effect.provideService(JobValues, "json"))

const columns = (rows: ReadonlyArray<Usage>, byTask: boolean, hasBars: boolean): ReadonlyArray<Table.Column<Usage>> => {
  const most = Math.max(1, ...rows.map(totalBytes))
  const size = (header: string, of: (row: Usage) => number, isMeasured = true): Table.Column<Usage> => ({
    header,
    value: (row) => `${isMeasured && row.estimated ? "~" : ""}${HumanNumber.bytes(of(row))}`,
    align: "right"
  })
  return [
    { header: "group", value: ({ group }) => group, minimum: 8 },
    ...(byTask ? [{ header: "task", value: ({ task }: Usage) => taskName(task ?? ""), minimum: 8 }] : []),
    { header: "state", value: ({ state }) => state, minimum: 9 },
    { header: "jobs", value: ({ jobs }) => HumanNumber.count(jobs), align: "right" },
    size("payloads", ({ payloadBytes }) => payloadBytes),
    size("results", ({ resultBytes }) => resultBytes),
    size("logs", ({ logBytes }) => logBytes),
    size("outputs", ({ outputBytes }) => outputBytes, false),
    size("together", totalBytes),
    ...(hasBars
      ? [{ header: "", value: (row: Usage) => "█".repeat(Math.ceil((totalBytes(row) / most) * barWidth)), leaves: 1 }]
      : [])
  ]
}

export const du = Command.make(
  "du",
  {
    byTask: Flag.Boolean("by-task").pipe(
      Flag.withoutNegation,
      Flag.withDescription("a line per task, group and state instead of per group and state"),
      Flag.withDefault(false)
    ),
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(function* ({ byTask, json, wide }) {
    const out = yield* output
    const queue = yield* TaskQueue
    const { file, label } = queue.store
    const { bytes, finished, freeBytes, live } = yield* queue.status
    if (out.quiet && !json) return yield* out.line(String(bytes))
    const ofFile =
      file === undefined ? undefined : yield* StoreLayers.SqliteMaintenance.fileStatus(file, { shared: true })
    const stored = yield* Outputs.use((outputs) => outputs.stored)
    const outputBytes = stored.reduce((sum, each) => sum + each.bytes, 0)
    const rows = usageRows(yield* queue.usage, yield* ofJobs(stored), byTask)
    if (json)
      return yield* out.json(DiskUsageShape, {
        store: label,
        schemaVersion: ofFile?.schemaVersion ?? null,
        bytes,
        walBytes: ofFile?.walBytes ?? null,
        reusableBytes: ofFile?.reusableBytes ?? null,
        outputBytes,
        freeBytes: freeBytes ?? null,
        live,
        finished,
        usage: rows
      })
    yield* out.lines(
      Table.fields(
        [
          ["store", label],
          ["size", HumanNumber.bytes(bytes)],
          ["of it log", ofFile === undefined ? "" : HumanNumber.bytes(ofFile.walBytes)],
          ["of it reusable", ofFile === undefined ? "" : HumanNumber.bytes(ofFile.reusableBytes)],
          ["outputs of commands", HumanNumber.bytes(outputBytes)],
          ["free on disk", freeBytes === undefined ? HumanNumber.unknown : HumanNumber.bytes(freeBytes)],
          ["live jobs", HumanNumber.count(live)],
          ["finished jobs", HumanNumber.count(finished)],
          ["schema", ofFile === undefined ? "" : String(ofFile.schemaVersion)]
        ],
        out.style
      )
    )
    if (rows.length === 0) return
    yield* out.line("")
    yield* out.table(columns(rows, byTask, out.stdout.isTerminal), rows, { wide })
    if (rows.some(({ estimated }) => estimated))
      yield* out.note("~ estimated from some jobs of each kind; indexes apart")
  }, looking)
).pipe(
  Command.withDescription(
    "What the store takes on disk, and what its jobs take of it by group and state: payloads, results, logs, and what commands wrote."
  ),
  Command.withExamples([
    { command: "sluice queue du" },
    { command: "sluice queue du --by-task --json", description: "task by task, for programs" }
  ])
)
