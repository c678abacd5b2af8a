/** Jobs as a table. */
import { Job, type JobRecord, ShellTask, type WorkerRecord } from "../services/Queue/index.ts"
import { type PayloadForm, whatItDoes } from "./shapes/JobShape.ts"
import { workerState } from "./shapes/WorkerShape.ts"
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
const isAbandoned = ({ state, task }: JobRecord, workers: ReadonlyArray<WorkerRecord>): boolean =>
  state === "pending" && ShellTask.laneOf(task) !== undefined && !workers.some(({ tasks }) => tasks.includes(task))

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
        : `due ${relativeTime(job.due, now)}`
  return `${relativeTime(job.enqueuedAt, now)}${isAbandoned(job, workers) ? ", its map or run has ended" : ""}`
}

/** `workers`: those that run them, or could. */
export const columns = (
  now: number,
  form: PayloadForm,
  workers: ReadonlyArray<WorkerRecord>
): ReadonlyArray<Column<JobRecord>> => [
  { header: "id", value: ({ id }) => Job.formatJobId(id), minimum: 11 },
  {
    header: "state",
    value: ({ state }) => state,
    style: (cell, { state }, style) => (style.state(state) === state ? cell : cell.replace(state, style.state(state))),
    minimum: 9
  },
  { header: "task", value: ({ task }) => taskName(task), minimum: 5 },
  { header: "group", value: ({ group }) => group, minimum: 6 },
  { header: "prio", value: ({ priority }) => String(priority), align: "right", wide: true },
  { header: "try", value: ({ attempt, maxAttempts }) => `${attempt}/${maxAttempts}`, align: "right" },
  { header: "when", value: (job) => when(job, now, workers), align: "right" },
  { header: "enqueued", value: ({ enqueuedAt }) => new Date(enqueuedAt).toISOString(), wide: true },
  { header: "tags", value: ({ extra }) => extra?.tags?.join(",") ?? "", wide: true },
  { header: "what", value: (job) => whatItDoes(job, form), minimum: 10 },
  { header: "error", value: ({ failure }) => failure?.message ?? "", wide: true }
]
