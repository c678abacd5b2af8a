/** `sluice dlq`: jobs that gave up. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Job, type JobFilter, type JobRecord, TaskQueue } from "../../services/Queue/index.ts"
import { fail } from "../Failure.ts"
import { changeJobs, type JobChange, remove, retry } from "../JobChange.ts"
import { filterFlags, isEmpty, toFilter } from "../JobFilter.ts"
import * as JobFlags from "../JobFlags.ts"
import * as JobReference from "../JobReference.ts"
import { taskName } from "../JobTable.ts"
import { looking } from "../OpenStore.ts"
import { output } from "../Output.ts"
import { noteSetAside } from "../SetAsideNote.ts"
import { JobShape, toJobShape, whatItDoes } from "../../api/JobShape.ts"
import { relativeTime } from "../terminal/RelativeTime.ts"
import type { Column } from "../terminal/Table.ts"

const columns = (now: number): ReadonlyArray<Column<JobRecord>> => [
  { header: "id", value: ({ id }) => Job.formatJobId(id), minimum: 11 },
  { header: "task", value: ({ task }) => taskName(task), minimum: 5 },
  { header: "group", value: ({ group }) => group, minimum: 6 },
  { header: "tries", value: ({ attempt }) => String(attempt), align: "right" },
  {
    header: "gave up",
    value: ({ finishedAt }) => (finishedAt === undefined ? "" : relativeTime(finishedAt, now)),
    align: "right"
  },
  {
    header: "cause",
    value: ({ failure }) => failure?.cause ?? "",
    minimum: 8,
    style: (cell, _, style) => style.bad(cell)
  },
  { header: "error", value: ({ failure }) => failure?.message ?? "", minimum: 16 },
  { header: "what", value: (job) => whatItDoes(job), minimum: 10 }
]

const { state: _, ...filters } = filterFlags

const failedOnly = (filter: JobFilter): JobFilter => ({ ...filter, states: ["failed"] })

const ls = Command.make(
  "ls",
  {
    ...filters,
    limit: Flag.Int("limit").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("at most so many, 1 to 1000 (default 50)"),
      Flag.withDefault(50)
    ),
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(function* (flags) {
    const out = yield* output
    const queue = yield* TaskQueue
    if (!(flags.limit >= 1 && flags.limit <= 1000))
      return yield* fail("usage", `--limit is ${flags.limit}; expected 1 to 1000`)
    const { jobs, next } = yield* queue.list(failedOnly(yield* toFilter({ ...flags, state: [] })), {
      limit: flags.limit
    })
    yield* noteSetAside("job")
    if (flags.json) {
      for (const job of jobs) yield* out.json(JobShape, toJobShape(job, false))
      return
    }
    if (out.quiet) return yield* out.lines(jobs.map(({ id }) => Job.formatJobId(id)))
    if (jobs.length === 0) return yield* out.note("no job has given up")
    yield* out.table(columns(yield* Clock.currentTimeMillis), jobs, { wide: flags.wide })
    yield* out.note(
      next === undefined
        ? "sluice dlq redrive ID queues one again, --all every one"
        : `more than ${flags.limit}; --limit shows more`
    )
  }, looking)
).pipe(
  Command.withDescription("Lists jobs that gave up, with their cause."),
  Command.withExamples([
    { command: "sluice dlq ls" },
    { command: "sluice dlq ls --json --since 1d", description: "for programs" }
  ])
)

const bulk = <const Name extends string>(
  name: Name,
  change: JobChange,
  description: string,
  examples: ReadonlyArray<Command.Command.Example>
) =>
  Command.make(
    name,
    {
      ...filters,
      all: Flag.Boolean("all").pipe(
        Flag.withoutNegation,
        Flag.withDescription("every job that gave up"),
        Flag.withDefault(false)
      ),
      yes: JobFlags.yes,
      dryRun: JobFlags.dryRun,
      jobs: JobFlags.jobIdArgument().pipe(Argument.variadic())
    },
    Effect.fnUntraced(function* (flags) {
      const filter = yield* toFilter({ ...flags, state: [] })
      const filtered = flags.all || !isEmpty(filter)
      if (flags.jobs.length > 0) yield* onlyFailed(yield* JobReference.jobsOf(flags.jobs))
      yield* changeJobs(change, {
        ids: yield* JobReference.jobsOf(flags.jobs),
        filter: failedOnly(filter),
        filtered,
        yes: flags.yes,
        dryRun: flags.dryRun,
        example: "a filter like --since 1h, or --all"
      })
    }, looking)
  ).pipe(Command.withDescription(description), Command.withExamples(examples))

/** A job that did not give up is none of the dead letters. */
const onlyFailed = (ids: ReadonlyArray<Job.JobId>) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    for (const id of ids) {
      const { state } = yield* queue.get(id)
      if (state !== "failed")
        return yield* fail(
          "conflict",
          `job ${Job.formatJobId(id)} is ${state}; only jobs that gave up are here (sluice job handles the others)`
        )
    }
  })

export const command = Command.make("dlq").pipe(
  Command.withDescription("Jobs that gave up: the dead letters."),
  Command.withSubcommands([
    ls,
    bulk(
      "redrive",
      { ...retry, verb: "redrive", asks: true },
      "Queues jobs that gave up again, with all their attempts.",
      [
        { command: "sluice dlq redrive -g network --since 1h --yes", description: "when the provider is back" },
        { command: "sluice dlq redrive --all --yes" }
      ]
    ),
    bulk("rm", remove, "Removes jobs that gave up.", [{ command: "sluice dlq rm --before 30d --yes" }])
  ])
)
