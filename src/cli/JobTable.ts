/** Jobs as a table. */
import { Job, type JobRecord, ShellTask, type WorkerRecord } from "../services/Queue/index.ts"
import { endOf, ranMs, whatItDoes } from "../api/JobShape.ts"
import { workerState } from "../api/WorkerShape.ts"
import * as HumanNumber from "./terminal/HumanNumber.ts"
import { relativeTime } from "./terminal/RelativeTime.ts"
import type { Column } from "./terminal/Table.ts"

/** The task as people know it: lanes of `run` and `map` are commands like others. */
export const taskName = (task: string): string => (ShellTask.isShellTask(task) ? ShellTask.shellTaskName : task)

/** What keeps a running job from running, seen from its worker's state. */
const standstill = (state: ReturnType<typeof workerState> | undefined): string =>
  state === undefined || state === "alive" || state === "draining"
    ? ""
    : `, its worker is ${state === "expired" ? "silent" : state}`

/** A command that one process brought for itself, which is gone. */
const isAbandoned = ({ state, task }: JobRecord, workers: ReadonlyArray<WorkerRecord>, now: number): boolean =>
  state === "pending" &&
  ShellTask.laneOf(task) !== undefined &&
  !workers.some((worker) => worker.tasks.includes(task) && workerState(worker, now) !== "gone")

const tagsOf = ({ extra }: JobRecord): string => extra?.tags?.join(",") ?? ""
const errorOf = ({ failure }: JobRecord): string => failure?.message ?? ""

const when = (job: JobRecord, now: number, workers: ReadonlyArray<WorkerRecord>): string => {
  if (job.finishedAt !== undefined) return relativeTime(job.finishedAt, now)
  if (job.state === "running" && job.startedAt !== undefined) {
    const worker = workers.find(({ session }) => session === job.session)
    const state = worker === undefined ? undefined : workerState(worker, now)
    return `since ${HumanNumber.duration(now - job.startedAt)}${standstill(state)}`
  }
  if (job.state === "scheduled")
    return job.waitReason === "parents"
      ? "after others"
      : job.waitReason === "key"
        ? "after its key"
        : job.waitReason === "limit"
          ? "for its limit"
          : `due ${relativeTime(job.due, now)}`
  return `${relativeTime(job.enqueuedAt, now)}${isAbandoned(job, workers, now) ? ", its map or run has ended" : ""}`
}

/** What a list of jobs is put in the order of: numbers before texts. */
export interface JobColumn extends Column<JobRecord> {
  readonly order: (job: JobRecord) => number | string
}

const states: ReadonlyArray<string> = Job.JobState.literals

const exit = (job: JobRecord): string => {
  const { exitCode, signal } = endOf(job)
  return signal ?? (exitCode === undefined ? "" : String(exitCode))
}

/** `workers`: those that run them, or could. */
export const columns = (now: number, workers: ReadonlyArray<WorkerRecord>): ReadonlyArray<JobColumn> => [
  { header: "id", value: ({ id }) => Job.formatJobId(id), order: ({ id }) => id, minimum: 11 },
  {
    header: "state",
    value: ({ state }) => state,
    order: ({ state }) => states.indexOf(state),
    style: (cell, { state }, style) => (style.state(state) === state ? cell : cell.replace(state, style.state(state))),
    minimum: 9
  },
  { header: "task", value: ({ task }) => taskName(task), order: ({ task }) => task, minimum: 5, leaves: 1 },
  { header: "group", value: ({ group }) => group, order: ({ group }) => group, minimum: 11, leaves: 2 },
  {
    header: "prio",
    value: ({ priority }) => String(priority),
    order: ({ priority }) => priority,
    align: "right",
    wide: true
  },
  {
    header: "try",
    value: ({ attempt, maxAttempts }) => `${attempt}/${maxAttempts}`,
    order: ({ attempt }) => attempt,
    align: "right",
    leaves: 3
  },
  {
    header: "exit",
    value: (job) => exit(job),
    order: (job) => endOf(job).exitCode ?? exit(job),
    style: (cell, { state }, style) => (state === "failed" ? style.bad(cell) : cell),
    align: "right",
    leaves: 5
  },
  {
    header: "ran",
    value: (job) => {
      const ran = ranMs(job)
      return ran === undefined ? "" : HumanNumber.duration(ran)
    },
    order: (job) => ranMs(job) ?? -1,
    align: "right",
    leaves: 4
  },
  {
    header: "when",
    value: (job) => when(job, now, workers),
    order: ({ due, finishedAt, startedAt }) => finishedAt ?? startedAt ?? due,
    align: "right",
    leaves: 6
  },
  {
    header: "enqueued",
    value: ({ enqueuedAt }) => new Date(enqueuedAt).toISOString(),
    order: ({ enqueuedAt }) => enqueuedAt,
    wide: true
  },
  { header: "tags", value: tagsOf, order: tagsOf, wide: true },
  { header: "what", value: (job) => whatItDoes(job), order: (job) => whatItDoes(job), minimum: 16 },
  { header: "error", value: errorOf, order: errorOf, wide: true }
]
