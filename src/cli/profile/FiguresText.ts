/** What workers measured: of all together, and for a person. */
import * as Effect from "effect/Effect"
import { isCollectTask, type ProfilerReading, Readings } from "../../services/Queue/index.ts"
import type { Output } from "../Output.ts"
import type { ProfileFigures, WorkerFigures } from "../../api/ProfileShape.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import type { Column } from "../terminal/Table.ts"
import { contextColumns, leakLine, slowColumns, taskColumns } from "./ReportText.ts"

interface Answer {
  readonly pid: number
  readonly reading: ProfilerReading.ProfilerReading
}

/** The most attempts that are named as the slowest. */
const slowestMost = 20

const figuresOf = (readings: ReadonlyArray<ProfilerReading.TaskReading>) =>
  Readings.mergeTasks(readings.filter(({ task }) => !isCollectTask(task))).map(Readings.taskFigures)

/** Each worker's figures, and tasks of all from their merged histograms. */
export const together = (answers: ReadonlyArray<Answer>): ProfileFigures => {
  const readings = answers.map(({ reading }) => reading)
  return {
    workers: answers.map(({ pid, reading }) => ({
      pid,
      periodMs: reading.periodMs,
      process: reading.process,
      store: Readings.storeFigures(reading.store),
      tasks: figuresOf(reading.tasks),
      contexts: figuresOf(reading.contexts)
    })),
    tasks: figuresOf(readings.flatMap(({ tasks }) => tasks)),
    contexts: figuresOf(readings.flatMap(({ contexts }) => contexts)),
    slowest: readings
      .flatMap(({ slowest }) => slowest)
      .sort((a, b) => b.runMs - a.runMs)
      .slice(0, slowestMost),
    leaks: readings.flatMap(({ leaks }) => leaks)
  }
}

const workerColumns: ReadonlyArray<Column<WorkerFigures>> = [
  { header: "worker", value: ({ pid }) => String(pid), align: "right" },
  { header: "measured", value: ({ periodMs }) => HumanNumber.duration(periodMs), align: "right" },
  { header: "CPU", value: ({ process }) => HumanNumber.percent(process.cpu), align: "right" },
  { header: "loop busy", value: ({ process }) => HumanNumber.percent(process.loopUtilisation), align: "right" },
  { header: "late by", value: ({ process }) => HumanNumber.duration(process.loopDelayMs), align: "right" },
  { header: "collecting", value: ({ process }) => HumanNumber.percent(process.gcShare), align: "right" },
  { header: "longest", value: ({ process }) => HumanNumber.duration(process.gcLongestMs), align: "right" },
  { header: "heap", value: ({ process }) => HumanNumber.bytes(process.heapBytes), align: "right" },
  { header: "external", value: ({ process }) => HumanNumber.bytes(process.externalBytes), align: "right", wide: true },
  { header: "resident", value: ({ process }) => HumanNumber.bytes(process.rssBytes), align: "right" },
  { header: "at most", value: ({ process }) => HumanNumber.bytes(process.peakRssBytes), align: "right", wide: true },
  { header: "store busy", value: ({ store }) => HumanNumber.percent(store.share), align: "right" },
  { header: "turn p95", value: ({ store }) => HumanNumber.duration(store.turnMs.p95), align: "right" }
]

/** Prints them: workers first, then where jobs spent their time. */
export const printFigures = (
  out: Output,
  measured: ProfileFigures,
  { byWorker, wide }: { readonly byWorker: boolean; readonly wide: boolean }
) =>
  Effect.gen(function* () {
    const { contexts, leaks, slowest, tasks, workers } = measured
    const section = <Row>(columns: ReadonlyArray<Column<Row>>, rows: ReadonlyArray<Row>, title?: string) =>
      rows.length === 0
        ? Effect.void
        : Effect.andThen(
            out.lines(title === undefined ? [""] : ["", out.style.bold(title)]),
            out.table(columns, rows, { wide })
          )
    yield* out.table(workerColumns, workers, { wide })
    if (byWorker) {
      for (const { contexts, pid, tasks } of workers) {
        yield* section(taskColumns, tasks, `worker ${pid}`)
        yield* section(contextColumns, contexts)
      }
    } else {
      yield* section(taskColumns, tasks)
      yield* section(contextColumns, contexts)
    }
    if (tasks.length === 0) yield* out.note("no attempt has ended in that time")
    if (leaks.length > 0) yield* out.lines(["", ...leaks.map(leakLine)])
    yield* section(slowColumns, wide ? slowest : slowest.slice(0, 5))
  })
