import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Job, type JobId, type JobRecord, JobStore, type Page, TaskQueue } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { filterFlags, isEmpty, toFilter } from "../../JobFilter.ts"
import * as JobFlags from "../../JobFlags.ts"
import { columns } from "../../JobTable.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { noteSetAside } from "../../SetAsideNote.ts"
import { JobSummaryShape, toJobSummary } from "../../shapes/JobShape.ts"

/** Jobs a store hands out at a time. */
const pageMost = 1000

export const ls = Command.make(
  "ls",
  {
    ...filterFlags,
    limit: Flag.Int("limit").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("at most so many (default 50)"),
      Flag.withDefault(50)
    ),
    oldest: Flag.Boolean("oldest").pipe(
      Flag.withoutNegation,
      Flag.withDescription("oldest first"),
      Flag.withDefault(false)
    ),
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(function* (flags) {
    const out = yield* output
    const { traits } = yield* JobStore
    const queue = yield* TaskQueue
    if (flags.limit < 1) return yield* fail("usage", `--limit is ${flags.limit}; expected at least 1`)
    const filter = yield* toFilter(flags)
    const order = flags.oldest ? ("oldest" as const) : ("newest" as const)
    const jobs: Array<JobRecord> = []
    let left = flags.limit
    let cursor: JobId | undefined
    do {
      const page: Page = yield* queue.list(filter, {
        limit: Math.min(pageMost, left),
        order,
        ...(cursor === undefined ? {} : { cursor })
      })
      left -= page.jobs.length
      cursor = page.next
      // Long lists are written as they are read; a table has to see its rows first.
      if (flags.json) for (const job of page.jobs) yield* out.json(JobSummaryShape, toJobSummary(job))
      else if (out.quiet) yield* out.lines(page.jobs.map(({ id }) => Job.formatJobId(id)))
      else jobs.push(...page.jobs)
    } while (cursor !== undefined && left > 0)
    yield* noteSetAside("job")
    if (flags.json || out.quiet) return
    if (jobs.length === 0)
      return yield* out.note(isEmpty(filter) ? "no jobs yet; add one with: sluice add -- CMD" : "no job matches")
    const workers = jobs.some(({ state }) => state === "running" || state === "pending") ? yield* queue.workers : []
    yield* out.table(columns(yield* Clock.currentTimeMillis, traits.payloads, workers), jobs, { wide: flags.wide })
    if (cursor !== undefined) yield* out.note(`more than ${flags.limit}; --limit shows more`)
  }, looking)
).pipe(
  Command.withDescription("Lists jobs, newest first."),
  Command.withExamples([
    { command: "sluice job ls" },
    { command: "sluice job ls --state failed --since 1h", description: "what went wrong" }
  ])
)
