import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import {
  type AttemptRecord,
  Job,
  type JobId,
  type JobRecord,
  Outputs,
  Pipeline,
  ShellTask,
  SystemWord,
  TaskQueue
} from "../../../services/Queue/index.ts"
import * as AttemptInWords from "../../AttemptInWords.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as JobProcess from "../../JobProcess.ts"
import * as JobReference from "../../JobReference.ts"
import { taskName } from "../../JobTable.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { deadlineMet, JobShape, payloadOf, toJobShape, whatItDoes } from "../../../api/JobShape.ts"
import * as DisplayWidth from "../../terminal/DisplayWidth.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import { relativeTime } from "../../terminal/RelativeTime.ts"
import * as Table from "../../terminal/Table.ts"

/** Cells of a payload or result before it is cut; `--json` has it whole. */
const longestValue = 400

const text = (value: unknown): string =>
  value === undefined || value === null
    ? ""
    : DisplayWidth.truncate(typeof value === "string" ? value : JSON.stringify(value), longestValue)

/** A job that drives a fan-out may wait for hundreds. */
const mostAwaited = 8

const waitingFor = (jobs: ReadonlyArray<JobId>): string => {
  const shown = jobs.slice(0, mostAwaited).map(Job.formatJobId).join(", ")
  return jobs.length > mostAwaited ? `${shown} and ${jobs.length - mostAwaited} more` : shown
}

/** Of a pipeline's run: `2.1, item 17`. */
const stageOf = (headers: Readonly<Record<string, string>>): string => {
  const stage = headers[Pipeline.stageHeader]
  const index = headers[Pipeline.indexHeader]
  return stage === undefined ? "" : index === undefined ? stage : `${stage}, item ${index}`
}

/** What is known of a command's attempts: of those that wrote something or did not complete. */
const attemptsOf = (id: JobId, attempts: number) =>
  Outputs.use((outputs) =>
    Effect.map(
      Effect.forEach(
        Array.from({ length: attempts }, (_, i) => i + 1),
        (attempt) => outputs.record(id, attempt)
      ),
      (records) => records.filter((record) => record !== undefined)
    )
  )

const attemptText = (
  { attempt, end, kept, process, startedAt, written }: AttemptRecord,
  job: JobRecord,
  now: number
): string => {
  const isRunning = job.state === "running" && job.attempt === attempt
  const outcome =
    end !== undefined
      ? `${end.outcome} after ${HumanNumber.duration(end.endedAt - startedAt)}${end.message === "" ? "" : `: ${end.message}`}`
      : isRunning
        ? "running"
        : "lost: its process was ended"
  const lost = written.stdout + written.stderr - kept.stdout - kept.stderr
  const sizes = `${HumanNumber.bytes(written.stdout)} of stdout, ${HumanNumber.bytes(written.stderr)} of stderr${lost > 0 ? `, ${HumanNumber.bytes(lost)} not kept` : ""}`
  return `${outcome}; ${sizes}; process ${process}, began ${relativeTime(startedAt, now)}`
}

/** Of a running command on this machine. */
const processOf = (id: string, store: string): string => {
  const found = JobProcess.find(id, store)
  return found === undefined ? "" : `${found.pid}${found.isStopped ? ", stopped (sluice job resume continues it)" : ""}`
}

/** How long it stays, of the states in which it says so itself. */
const stay = (retention: Job.JobRetention): string =>
  Object.entries(retention)
    .map(([state, { ageMs, count }]) => {
      const age = ageMs === undefined ? [] : [ageMs === 0 ? "no history" : HumanNumber.duration(ageMs)]
      return `${state} ${[...age, ...(count === undefined ? [] : [`the newest ${HumanNumber.count(count)}`])].join(", ")}`
    })
    .join("; ")

export const get = Command.make(
  "get",
  {
    job: JobFlags.jobIdArgument(),
    json: JobFlags.json,
    env: Flag.Boolean("env").pipe(
      Flag.withoutNegation,
      Flag.withDescription("with --json: the recorded environment too, secrets and all"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ env, job: reference, json }) {
    const id = yield* JobReference.jobOf(reference)
    const out = yield* output
    const queue = yield* TaskQueue
    const job = yield* queue.get(id)
    if (json) return yield* out.json(JobShape, toJobShape(job, env))
    if (out.quiet) return yield* out.line(Job.formatJobId(id))
    const now = yield* Clock.currentTimeMillis
    const time = (millis: number | undefined) =>
      millis === undefined ? "" : `${new Date(millis).toISOString()} (${relativeTime(millis, now)})`
    const isShell = ShellTask.isShellTask(job.task)
    const payload = payloadOf(job, false)
    const cwd =
      isShell && typeof payload === "object" && payload !== null && "cwd" in payload
        ? SystemWord.shown(payload.cwd as typeof SystemWord.SystemWord.Encoded)
        : ""
    const { explain } = yield* Effect.promise(() => import("../../Reason.ts"))
    const reason =
      Job.liveStates.includes(job.state) && job.state !== "running" ? explain(yield* queue.explain(id), now) : undefined
    const records = isShell ? yield* attemptsOf(id, Math.max(1, job.attempt)) : []
    yield* out.lines(
      Table.fields(
        [
          ["id", Job.formatJobId(job.id)],
          ["state", job.state],
          ["waits", reason?.why ?? ""],
          ["task", taskName(job.task)],
          ["group", job.group],
          ["run", job.extra?.headers?.[Pipeline.runHeader] ?? ""],
          ["stage", stageOf(job.extra?.headers ?? {})],
          ["priority", String(job.priority)],
          ["attempts", `${job.attempt} of ${job.maxAttempts}`],
          ["enqueued", time(job.enqueuedAt)],
          ["due", job.state === "scheduled" ? time(job.due) : ""],
          [
            "deadline",
            `${time(job.extra?.deadline)}${job.extra?.deadline === undefined || job.finishedAt === undefined ? "" : deadlineMet(job) ? ", met" : ", missed"}`
          ],
          ["started", time(job.startedAt)],
          ["finished", time(job.finishedAt)],
          [
            "ran",
            job.startedAt !== undefined && job.finishedAt !== undefined
              ? HumanNumber.duration(job.finishedAt - job.startedAt)
              : ""
          ],
          [isShell ? "command" : "payload", isShell ? whatItDoes(job) : text(payload)],
          ["folder", cwd],
          ["process", isShell && job.state === "running" ? processOf(Job.formatJobId(job.id), queue.store.label) : ""],
          ["progress", text(job.progress)],
          ["result", isShell ? "" : text(job.result)],
          ["failure", job.failure === undefined ? "" : `${job.failure.cause}: ${job.failure.message}`],
          ["after", waitingFor(job.waitingFor)],
          ["key", job.uniqueKey ?? ""],
          ["stays", job.extra?.retention === undefined ? "" : stay(job.extra.retention)],
          ...records.map((record) => [`attempt ${record.attempt}`, attemptText(record, job, now)] as const),
          ...job.attempts
            .filter(({ number }) => !records.some(({ attempt }) => attempt === number))
            .map((attempt) => [`attempt ${attempt.number}`, AttemptInWords.inWords(attempt, now)] as const),
          ["tags", job.extra?.tags?.join(", ") ?? ""],
          ["owner", job.extra?.owner ?? ""]
        ],
        out.style
      )
    )
    if (isShell && (records.length > 0 || Job.finishedStates.includes(job.state)))
      yield* out.note(`its output: sluice job logs ${Job.formatJobId(id)}`)
  }, looking)
).pipe(
  Command.withDescription("Shows one job."),
  Command.withExamples([
    { command: "sluice job get last" },
    { command: "sluice job get last --json | jq .payload.command", description: "for programs" }
  ])
)
