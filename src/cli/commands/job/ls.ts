import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Result from "effect/Result"
import { Job, type JobRecord, TaskQueue } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { filterFlags, isEmpty, toFilter } from "../../JobFilter.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as JobList from "../../JobList.ts"
import { columns } from "../../JobTable.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { noteSetAside } from "../../SetAsideNote.ts"
import { JobSummaryShape, toJobSummary } from "../../../api/JobShape.ts"

/** What a flag asks for in terms of columns, read when they are known. */
const asked = <A>(
  flag: string,
  text: Option.Option<string>,
  read: (text: string) => Result.Result<A, { readonly advice: string }>
) =>
  Option.isNone(text)
    ? Effect.undefined
    : Effect.mapError(Effect.fromResult(read(text.value)), ({ advice }) =>
        fail("usage", `${JSON.stringify(text.value)} does not fit --${flag}: ${advice.replace(/\.$/, "")}`)
      )

export const ls = Command.make(
  "ls",
  {
    ...filterFlags,
    grep: Flag.String("grep").pipe(
      Flag.withMetavar("TEXT"),
      Flag.withDescription(
        "with this text in command or payload, task, group, tags or failure; small letters or capitals"
      ),
      Flag.optional
    ),
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
    sort: Flag.String("sort").pipe(
      Flag.withMetavar("COLUMN"),
      Flag.withDescription("in the order of this column, -COLUMN for the other way round; looks at all that match"),
      Flag.optional
    ),
    columns: Flag.String("columns").pipe(
      Flag.withMetavar("A,B"),
      Flag.withDescription(
        `only these, in this order: ${columns(0, [])
          .map(({ header }) => header)
          .join(", ")}`
      ),
      Flag.optional
    ),
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(function* (flags) {
    const out = yield* output
    const queue = yield* TaskQueue
    if (flags.limit < 1) return yield* fail("usage", `--limit is ${flags.limit}; expected at least 1`)
    if (flags.oldest && Option.isSome(flags.sort))
      return yield* fail("usage", "--oldest and --sort both say the order; give one of them")
    if (Option.isSome(flags.columns) && (flags.json || flags.wide))
      return yield* fail(
        "usage",
        `--columns and ${flags.json ? "--json" : "--wide"} both say what is shown; give one of them`
      )
    const now = yield* Clock.currentTimeMillis
    const all = columns(now, [])
    const order = yield* asked("sort", flags.sort, (text) => JobList.orderBy(text, all))
    yield* asked("columns", flags.columns, (text) => JobList.chosen(text, all))
    const filter = yield* toFilter(flags)
    const selection: JobList.Selection = {
      filter,
      limit: flags.limit,
      oldestFirst: flags.oldest,
      isWanted: Option.getOrUndefined(Option.map(flags.grep, (text) => JobList.holds(text)))
    }
    const kept: Array<JobRecord> = []
    // Long lists are written as they are read; a table has to see its rows first.
    const show = (jobs: ReadonlyArray<JobRecord>) =>
      flags.json
        ? Effect.forEach(jobs, (job) => out.json(JobSummaryShape, toJobSummary(job)), {
            discard: true
          })
        : out.quiet
          ? out.lines(jobs.map(({ id }) => Job.formatJobId(id)))
          : Effect.sync(() => void kept.push(...jobs))
    const hasMore =
      order === undefined
        ? yield* JobList.eachPage(selection, show)
        : yield* Effect.flatMap(JobList.sorted(selection, order), ({ hasMore, jobs }) => Effect.as(show(jobs), hasMore))
    yield* noteSetAside("job")
    if (flags.json || out.quiet) return
    if (kept.length === 0)
      return yield* out.note(
        isEmpty(filter) && Option.isNone(flags.grep) ? "no jobs yet; add one with: sluice add -- CMD" : "no job matches"
      )
    const workers = kept.some(({ state }) => state === "running" || state === "pending") ? yield* queue.workers : []
    const shown = columns(now, workers)
    const wanted = yield* asked("columns", flags.columns, (text) => JobList.chosen(text, shown))
    yield* out.table(wanted ?? shown, kept, { wide: flags.wide })
    if (hasMore) yield* out.note(`more than ${flags.limit}; --limit shows more`)
  }, looking)
).pipe(
  Command.withDescription(
    "Lists jobs, newest first. Where a terminal is too narrow, task and group are left out first; what each does stays."
  ),
  Command.withExamples([
    { command: "sluice job ls" },
    { command: "sluice job ls --state failed --since 1h", description: "what went wrong" },
    { command: "sluice job ls --grep report --sort -ran --limit 5", description: "the five that took longest" },
    { command: "sluice job ls --columns id,exit,what", description: "nothing else" }
  ])
)
