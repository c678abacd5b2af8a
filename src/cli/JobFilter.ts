/** Which jobs, from flags: for lists and for bulk changes. */
import { InvalidValue } from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Job, type JobFilter, type JobState } from "../services/Queue/index.ts"
import { didYouMean } from "./input/Suggestion.ts"
import { durationFlag } from "./JobFlags.ts"

const states: ReadonlyArray<string> = Job.JobState.literals

const listFlag = (name: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar(name.toUpperCase()),
    Flag.withDescription(`${description}; may be repeated`),
    Flag.between(0, 100)
  )

export const filterFlags = {
  state: Flag.String("state").pipe(
    Flag.withMetavar("STATE"),
    Flag.withDescription(`${states.join(", ")}; may be repeated`),
    Flag.mapEffect((text) =>
      states.includes(text)
        ? Effect.succeed(text as JobState)
        : Effect.fail(
            new InvalidValue({
              option: "state",
              value: text,
              expected: `${states.join(", ")}.${didYouMean(text, states)}`.replace(/\.$/, ""),
              kind: "flag"
            })
          )
    ),
    Flag.between(0, 6)
  ),
  task: listFlag("task", "of this task"),
  group: listFlag("group", "of this resource group").pipe(Flag.withAlias("g")),
  tag: Flag.String("tag").pipe(Flag.withMetavar("TAG"), Flag.withDescription("with this tag"), Flag.optional),
  owner: Flag.String("owner").pipe(Flag.withMetavar("OWNER"), Flag.withDescription("of this owner"), Flag.optional),
  batch: Flag.String("batch").pipe(
    Flag.withMetavar("KEY"),
    Flag.withDescription("of this batch; for the steps of a pipeline's run: the run's id"),
    Flag.optional
  ),
  since: durationFlag("since").pipe(Flag.withDescription("enqueued within this long"), Flag.optional),
  before: durationFlag("before").pipe(Flag.withDescription("enqueued longer ago than this"), Flag.optional)
}

export interface FilterFlags {
  readonly state: ReadonlyArray<JobState>
  readonly task: ReadonlyArray<string>
  readonly group: ReadonlyArray<string>
  readonly tag: Option.Option<string>
  readonly owner: Option.Option<string>
  readonly batch: Option.Option<string>
  readonly since: Option.Option<Duration.Duration>
  readonly before: Option.Option<Duration.Duration>
}

export const toFilter = (flags: FilterFlags): Effect.Effect<JobFilter> =>
  Effect.map(Clock.currentTimeMillis, (now) => ({
    ...(flags.state.length === 0 ? {} : { states: flags.state }),
    ...(flags.task.length === 0 ? {} : { tasks: flags.task }),
    ...(flags.group.length === 0 ? {} : { groups: flags.group }),
    ...(Option.isSome(flags.tag) ? { tag: flags.tag.value } : {}),
    ...(Option.isSome(flags.owner) ? { owner: flags.owner.value } : {}),
    ...(Option.isSome(flags.batch) ? { batchKey: flags.batch.value } : {}),
    ...(Option.isSome(flags.since) ? { from: now - Duration.toMillis(flags.since.value) } : {}),
    ...(Option.isSome(flags.before) ? { to: now - Duration.toMillis(flags.before.value) } : {})
  }))

/** Whether the filter narrows anything. */
export const isEmpty = (filter: JobFilter): boolean => Object.keys(filter).length === 0
