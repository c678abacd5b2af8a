/** Flags and arguments that several commands share, read once and checked where they are read. */
import * as Argument from "effect/cli/Argument"
import { InvalidValue } from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { EnqueueOptions } from "../services/Queue/index.ts"
import { fail } from "./Failure.ts"
import { parseDuration } from "./input/DurationInput.ts"
import { parseTime } from "./input/TimeInput.ts"
import { Invocation } from "./Invocation.ts"
import * as JobReference from "./JobReference.ts"

/** Reads the text of a flag or argument; what is wrong with it becomes the parser's one line. */
export const reading =
  <A>(
    option: string,
    kind: "flag" | "argument",
    read: (text: string) => Result.Result<A, { readonly advice: string }>
  ) =>
  (text: string) => {
    const result = read(text)
    return Result.isFailure(result)
      ? Effect.fail(new InvalidValue({ option, value: text, expected: result.failure.advice.replace(/\.$/, ""), kind }))
      : Effect.succeed(result.success)
  }

const readReference = (text: string): Result.Result<string, { readonly advice: string }> =>
  JobReference.isReference(text)
    ? Result.succeed(text)
    : Result.fail({
        advice: "a job's id as `sluice job ls` shows it, the beginning of one, or last for the job enqueued last"
      })

export const durationFlag = (name: string): Flag.Flag<Duration.Duration> =>
  Flag.String(name).pipe(Flag.withMetavar("DURATION"), Flag.mapEffect(reading(name, "flag", parseDuration)))

export const timeFlag = (name: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("TIME"),
    Flag.mapEffect((text) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => reading(name, "flag", (time) => parseTime(time, now))(text))
    )
  )

/** What it gives is for `JobReference`. */
export const jobIdArgument = (name = "job"): Argument.Argument<string> =>
  Argument.String(name).pipe(
    Argument.withDescription("the job's id, the beginning of it, or last"),
    Argument.mapEffect(reading(name, "argument", readReference))
  )

export const jobIdFlag = (name: string) =>
  Flag.String(name).pipe(Flag.withMetavar("JOB"), Flag.mapEffect(reading(name, "flag", readReference)))

export const json = Flag.Boolean("json").pipe(
  Flag.withoutNegation,
  Flag.withDescription("machine-readable; a list is one object per line"),
  Flag.withDefault(false)
)

export const wide = Flag.Boolean("wide").pipe(
  Flag.withoutNegation,
  Flag.withDescription("every column, nothing cut"),
  Flag.withDefault(false)
)

export const yes = Flag.Boolean("yes").pipe(
  Flag.withAlias("y"),
  Flag.withoutNegation,
  Flag.withDescription("do not ask"),
  Flag.withDefault(false)
)

export const dryRun = Flag.Boolean("dry-run").pipe(
  Flag.withoutNegation,
  Flag.withDescription("say what would change and change nothing"),
  Flag.withDefault(false)
)

const standardInput = Flag.Boolean("stdin").pipe(
  Flag.withoutNegation,
  Flag.withDescription("read standard input to its end and give it to the command"),
  Flag.withDefault(false)
)

const shell = Flag.Boolean("shell").pipe(
  Flag.withoutNegation,
  Flag.withDescription("run it through sh -c: pipes, variables and globs work"),
  Flag.withDefault(false)
)

export const notifyFlag = (when: string) =>
  Flag.String("notify").pipe(
    Flag.withMetavar("COMMAND|desktop"),
    Flag.withDescription(`${when}, run this through sh, with $SLUICE_JOB_STATE and the like set, or tell the desktop`),
    Flag.mapEffect((text) =>
      text.trim() === "" || text.includes("\0")
        ? Effect.fail(
            new InvalidValue({ option: "notify", value: text, expected: "a command for sh, or desktop", kind: "flag" })
          )
        : Effect.succeed(text)
    ),
    Flag.optional
  )

/** How a command runs as a job: `run`, `add`, `map`. */
export const commandFlags = {
  group: Flag.String("group").pipe(
    Flag.withAlias("g"),
    Flag.withMetavar("GROUP"),
    Flag.withDescription("the resource group whose slots it takes (default computation)"),
    Flag.optional
  ),
  priority: Flag.Int("priority").pipe(
    Flag.withAlias("p"),
    Flag.withMetavar("1-10"),
    Flag.withDescription("1 first, 10 last (default 5)"),
    Flag.optional
  ),
  keyOf: Flag.String("key-of").pipe(
    Flag.withMetavar("KEY"),
    Flag.withDescription(
      "the customer or object it concerns: limits of the group hold for each (sluice queue limit set)"
    ),
    Flag.optional
  ),
  takes: Flag.Int("takes").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("slots of its group and its key that one run takes (default 1)"),
    Flag.optional
  ),
  retry: Flag.Int("retry").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("more attempts after a failed one (default: add 3, run and map 0)"),
    Flag.optional
  ),
  timeout: durationFlag("timeout").pipe(
    Flag.withDescription("SIGTERM after this long, SIGKILL 5 s later (default: no limit)"),
    Flag.optional
  ),
  deadline: timeFlag("deadline").pipe(
    Flag.withDescription("its result is wanted by this time; orders, cancels nothing"),
    Flag.optional
  ),
  deadlineIn: durationFlag("deadline-in").pipe(
    Flag.withDescription("the same, this long after it is due"),
    Flag.optional
  ),
  env: Flag.String("env").pipe(
    Flag.withMetavar("NAME[=VALUE]"),
    Flag.withDescription("keep this variable with the job too (NAME,NAME and NODE_* work); may be repeated"),
    Flag.between(0, 1000)
  ),
  cleanEnv: Flag.Boolean("clean-env").pipe(
    Flag.withoutNegation,
    Flag.withDescription("keep only PATH, HOME, language, time zone and the like, and what --env names"),
    Flag.withDefault(false)
  ),
  notify: notifyFlag("when it has ended"),
  shell
}

export const withStandardInput = {
  ...commandFlags,
  stdin: standardInput,
  stdinOpen: Flag.Boolean("stdin-open").pipe(
    Flag.withoutNegation,
    Flag.withDescription("keep its standard input open: sluice job send writes to it while it runs"),
    Flag.withDefault(false)
  )
}

/** `run` and `map`. */
export const ttyFlag = Flag.Boolean("tty").pipe(
  Flag.withoutNegation,
  Flag.withDescription("give the command the terminal: for sudo, ssh and editors; nothing of its output is kept"),
  Flag.withDefault(false)
)

/** A terminal is given by who stands before it. */
export const checkTerminal = Effect.fnUntraced(function* (flags: { readonly tty: boolean }) {
  const { stdin } = yield* Invocation
  if (flags.tty && stdin.isTTY !== true)
    return yield* fail("usage", "--tty gives the command the terminal, and standard input is none; leave it out")
})

/** What a command reads is given to it at its start or sent to it later. */
export const checkInput = (flags: { readonly stdin: boolean; readonly stdinOpen: boolean }) =>
  flags.stdin && flags.stdinOpen
    ? Effect.fail(fail("usage", "--stdin gives the command its input, --stdin-open keeps it open; give one of them"))
    : Effect.void

export interface CommandFlags {
  readonly group: Option.Option<string>
  readonly priority: Option.Option<number>
  readonly keyOf: Option.Option<string>
  readonly takes: Option.Option<number>
  readonly retry: Option.Option<number>
  readonly timeout: Option.Option<Duration.Duration>
  readonly deadline: Option.Option<DateTime.Utc>
  readonly deadlineIn: Option.Option<Duration.Duration>
  /** The deadline is that of its deferral. */
  readonly deferrable?: boolean
  readonly shell: boolean
}

/** Between SIGTERM and SIGKILL of a command that reached its `--timeout`. */
const killAfter = Duration.seconds(5)

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** The flags as the queue takes them. `retries` where no flag was given. */
export const toEnqueueOptions = (flags: CommandFlags, retries: number | undefined): EnqueueOptions => {
  const options: Writable<EnqueueOptions> = flags.deferrable === true ? {} : { ...deadlineOf(flags) }
  if (Option.isSome(flags.group)) options.group = flags.group.value
  if (Option.isSome(flags.priority)) options.priority = flags.priority.value
  if (Option.isSome(flags.keyOf)) options.partitionKey = flags.keyOf.value
  if (Option.isSome(flags.takes)) options.slots = flags.takes.value
  const attempts = Option.getOrUndefined(flags.retry) ?? retries
  if (attempts !== undefined) options.retries = attempts
  if (Option.isSome(flags.timeout)) {
    options.softLimit = flags.timeout.value
    options.hardLimit = Duration.sum(flags.timeout.value, killAfter)
  }
  return options
}

/** What the flags say of its deadline; empty without one. */
export const deadlineOf = ({
  deadline,
  deadlineIn
}: Pick<CommandFlags, "deadline" | "deadlineIn">): Pick<EnqueueOptions, "deadline" | "deadlineIn"> => ({
  ...(Option.isSome(deadline) && { deadline: DateTime.toEpochMillis(deadline.value) }),
  ...(Option.isSome(deadlineIn) && { deadlineIn: deadlineIn.value })
})
