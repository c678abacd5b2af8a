/** `sluice add`: a command for whichever worker is there. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  isWorkerAlive,
  type EnqueueOptions,
  type EnqueueOutcome,
  Job,
  type RetentionOption,
  SecretVariables,
  ShellTask,
  TaskQueue,
  type WorkerRecord
} from "../../services/Queue/index.ts"
import { commandWords, readAll, recorded } from "../Caller.ts"
import * as CommandLines from "../CommandLines.ts"
import { fail } from "../Failure.ts"
import { hint } from "../Hint.ts"
import * as ByteText from "../input/ByteText.ts"
import { parseKeep } from "../input/KeepInput.ts"
import { Invocation } from "../Invocation.ts"
import { sayNew } from "../GroupArgument.ts"
import {
  checkInput,
  type CommandFlags,
  deadlineOf,
  durationFlag,
  jobIdFlag,
  reading,
  timeFlag,
  toEnqueueOptions,
  withStandardInput
} from "../JobFlags.ts"
import * as JobReference from "../JobReference.ts"
import { notifyHeader } from "../notify/Notice.ts"
import { sayObstacle } from "../notify/Notifying.ts"
import { open } from "../OpenStore.ts"
import { output } from "../Output.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import { startInBackground } from "../worker/InBackground.ts"

/** When and how an enqueued job may start: `add` and `enqueue`. */
export const startFlags = {
  at: timeFlag("at").pipe(
    Flag.withDescription(
      "not before this time: 9:00, tomorrow 9:00, friday 5pm, 2026-12-01 09:00, 2026-07-01T09:30:00Z"
    ),
    Flag.optional
  ),
  in: durationFlag("in").pipe(Flag.withDescription("not before this long from now"), Flag.optional),
  deferrable: Flag.Boolean("deferrable").pipe(
    Flag.withoutNegation,
    Flag.withDescription(
      "by its deadline is soon enough: it waits for when the load of its group is forecast to be lowest"
    ),
    Flag.withDefault(false)
  ),
  after: jobIdFlag("after").pipe(
    Flag.withDescription("only when this job has completed; may be repeated"),
    Flag.between(0, 1000)
  ),
  key: Flag.String("key").pipe(
    Flag.withMetavar("KEY"),
    Flag.withDescription("unique while live: a second job with this key answers the first one's id"),
    Flag.optional
  ),
  debounce: durationFlag("debounce").pipe(
    Flag.withDescription("start this long after the last call with its --key: each call pushes the start away"),
    Flag.optional
  ),
  maxDelay: durationFlag("max-delay").pipe(
    Flag.withDescription("and at the latest this long after the first (default: ten times --debounce)"),
    Flag.optional
  ),
  keep: Flag.String("keep").pipe(
    Flag.withMetavar("[STATE=]TIME|none"),
    Flag.withDescription("how long it stays when it has ended, none: no history; may be repeated, once per state"),
    Flag.mapEffect(reading("keep", "flag", parseKeep)),
    Flag.between(0, 3)
  ),
  tag: Flag.String("tag").pipe(
    Flag.withMetavar("TAG"),
    Flag.withDescription("find it again by this; may be repeated"),
    Flag.between(0, 100)
  )
}

export interface StartFlags extends Pick<CommandFlags, "deadline" | "deadlineIn"> {
  readonly deferrable: boolean
  readonly at: Option.Option<DateTime.Utc>
  readonly in: Option.Option<Duration.Duration>
  readonly after: ReadonlyArray<string>
  readonly key: Option.Option<string>
  readonly debounce: Option.Option<Duration.Duration>
  readonly maxDelay: Option.Option<Duration.Duration>
  readonly keep: ReadonlyArray<RetentionOption>
  readonly tag: ReadonlyArray<string>
}

/** Within which deadline it may be put off, where it is told to be. */
const deferral = (flags: StartFlags) => {
  if (!flags.deferrable) return Effect.succeed<EnqueueOptions>({})
  if (Option.isSome(flags.at) || Option.isSome(flags.in) || Option.isSome(flags.debounce))
    return Effect.fail(
      fail("usage", "--deferrable leaves it to the queue when it starts; leave out --at and --in and --debounce")
    )
  const { deadline, deadlineIn } = deadlineOf(flags)
  if (deadline !== undefined && deadlineIn !== undefined)
    return Effect.fail(fail("usage", "--deadline and --deadline-in both say by when; give one of them"))
  if (deadline !== undefined) return Effect.succeed<EnqueueOptions>({ deferrable: { deadline } })
  if (deadlineIn !== undefined) return Effect.succeed<EnqueueOptions>({ deferrable: { deadlineIn } })
  return Effect.fail(
    fail("usage", "--deferrable needs to know by when: --deadline 'tomorrow 6:00' or --deadline-in 12h")
  )
}

/** What of the flags contradicts itself. */
const startMistake = ({ at, debounce, in: delay, maxDelay }: StartFlags): string | undefined => {
  if (Option.isSome(at) && Option.isSome(delay)) return "--at and --in both say when; give one of them"
  if (Option.isNone(debounce))
    return Option.isSome(maxDelay) ? "--max-delay limits what --debounce puts off; give that too" : undefined
  if (Option.isSome(at) || Option.isSome(delay)) return "--debounce says when already; leave --at and --in out"
  return Option.isSome(maxDelay) && Duration.isLessThan(maxDelay.value, debounce.value)
    ? `--max-delay is ${Duration.format(maxDelay.value)}; expected at least the ${Duration.format(debounce.value)} of --debounce`
    : undefined
}

export const startOptions = (flags: StartFlags) => {
  const mistake = startMistake(flags)
  if (mistake !== undefined) return Effect.fail(fail("usage", mistake))
  return Effect.map(
    deferral(flags),
    (deferral): EnqueueOptions => ({
      ...deferral,
      ...(Option.isSome(flags.at) ? { at: DateTime.toEpochMillis(flags.at.value) } : {}),
      ...(Option.isSome(flags.in) ? { in: flags.in.value } : {}),
      ...(Option.isSome(flags.debounce) ? { in: flags.debounce.value, onConflict: "debounce" } : {}),
      ...(Option.isSome(flags.maxDelay) ? { maxDelay: flags.maxDelay.value } : {}),
      ...(Option.isSome(flags.key) ? { key: flags.key.value } : {}),
      ...(flags.keep.length === 0 ? {} : { retention: Object.assign({}, ...flags.keep) as RetentionOption }),
      ...(flags.tag.length === 0 ? {} : { tags: flags.tag })
    })
  )
}

/** Calls are put off together when they have the same key. */
export const checkKeyed = ({ debounce, key }: StartFlags) =>
  Option.isSome(debounce) && Option.isNone(key)
    ? Effect.fail(fail("usage", "--debounce needs a --key, by which the calls know each other"))
    : Effect.void

/** Tells when a job of the key was there. */
export const sayMet = (outcomes: ReadonlyArray<EnqueueOutcome>) =>
  Effect.gen(function* () {
    const out = yield* output
    if (outcomes.includes("existing")) yield* out.note("sluice: a live job has this key already; nothing was added")
    if (outcomes.includes("replaced")) yield* out.note("sluice: the waiting job of this key took this one's place")
  })

/** The jobs it waits for. */
export const parents = ({ after }: StartFlags) =>
  Effect.map(JobReference.jobsOf(after), (ids): EnqueueOptions => (ids.length === 0 ? {} : { after: ids }))

/** Tells when no worker alive would run jobs of `task`, and how to start one. */
export const sayWithoutWorker = (task: string, workers: ReadonlyArray<WorkerRecord>) =>
  Effect.gen(function* () {
    const out = yield* output
    const now = yield* Clock.currentTimeMillis
    const alive = workers.filter((worker) => isWorkerAlive(worker, now) && !worker.draining)
    if (alive.some(({ tasks }) => tasks.includes(task))) return
    const start = yield* hint(task === ShellTask.shellTaskName ? "sluice worker -d" : "sluice worker -d --tasks MODULE")
    yield* out.note(
      alive.some(({ tasks }) => tasks.includes(ShellTask.shellTaskName))
        ? `sluice: no worker alive knows task ${task}; start one with: ${start}`
        : `sluice: no worker is alive; start one in the background with: ${start}`
    )
  })

/** Names said of variables that were left out. */
const mostNames = 5

const sayWithheld = (names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    if (names.length === 0) return
    const out = yield* output
    const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : ""
    const said = names.slice(0, mostNames).map(Sanitize.line).join(", ")
    yield* out.note(`sluice: not kept with the job, since they look like secrets: ${said}${more}; --env NAME keeps one`)
  })

/**
 * Begins a worker in the background when none alive would run the commands. Its project's settings are its own to read.
 */
const startWorker = (store: string, shared: boolean) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const { env } = yield* Invocation
    const now = yield* Clock.currentTimeMillis
    const serves = (worker: WorkerRecord) =>
      isWorkerAlive(worker, now) && !worker.draining && worker.tasks.includes(ShellTask.shellTaskName)
    if ((yield* queue.workers).some(serves)) return
    const words = ["worker", "--store", store, ...(shared ? ["--shared"] : [])]
    yield* startInBackground(words, store, SecretVariables.withoutOwnSecrets(env))
  })

const flags = {
  ...withStandardInput,
  ...startFlags,
  from: Flag.String("from").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "a job per line of this file (- is standard input): each is a command, or fills in the {} of the command given"
    ),
    Flag.optional
  ),
  spread: durationFlag("spread").pipe(
    Flag.withDescription("with --from: start them evenly over this time, in their order, from now, --in or --at on"),
    Flag.optional
  ),
  start: Flag.Boolean("start").pipe(
    Flag.withoutNegation,
    Flag.withDescription("start a worker in the background if none is alive"),
    Flag.withDefault(false)
  ),
  words: Argument.String("command").pipe(
    Argument.withDescription("words after --, or one quoted line"),
    Argument.variadic()
  )
}

type AddFlags = Command.Command.Config.Infer<typeof flags>

/** The commands to add, all of them or none. */
const commandsOf = (config: AddFlags) =>
  Effect.gen(function* () {
    if (Option.isNone(config.from)) {
      if (Option.isSome(config.spread))
        return yield* fail("usage", "--spread is for the many jobs of --from; for one there are --in and --at")
      return [yield* commandWords(config.words, { shell: config.shell, usage: "sluice add -- ./report.sh" })]
    }
    if (Option.isSome(config.key)) {
      return yield* fail("usage", "--key names one job, and --from adds many; leave one of them out")
    }
    if (config.stdin) {
      return yield* fail("usage", "--stdin gives its input to one command, and --from adds many; leave one of them out")
    }
    return yield* CommandLines.read(config.from.value, config.words, config.shell)
  })

export const command = Command.make(
  "add",
  flags,
  Effect.fnUntraced(function* (config) {
    const { stdin } = yield* Invocation
    const out = yield* output
    yield* checkInput(config)
    const commands = yield* commandsOf(config)
    const start = yield* startOptions(config)
    yield* checkKeyed(config)
    const opened = yield* open({ create: true, thread: false })
    if (config.start && opened.location._tag === "Memory") {
      return yield* fail("usage", "memory: lives in one process; name a file with --store for a background worker")
    }
    const input = config.stdin ? yield* readAll(stdin, opened.queueSettings.maxPayloadBytes) : undefined
    const { command: surroundings, withheld } = yield* recorded(["true"], opened.settings, config, input)
    const payloads = commands.map(([first, ...rest]) => ({
      ...surroundings,
      ...(config.stdinOpen ? { stdinOpen: true } : {}),
      command: [ByteText.word(first), ...rest.map(ByteText.word)] as const
    }))
    yield* Effect.gen(function* () {
      const queue = yield* TaskQueue
      const options = toEnqueueOptions(config, undefined)
      if (options.group !== undefined) yield* sayNew(options.group)
      yield* sayObstacle(config.notify)
      const handles = yield* queue.enqueueMany(ShellTask.shell, payloads, {
        ...options,
        ...(Option.isSome(config.notify) ? { headers: { [notifyHeader]: config.notify.value } } : {}),
        ...start,
        ...(Option.isSome(config.spread) ? { spread: config.spread.value } : {}),
        ...(yield* parents(config))
      })
      yield* out.lines(handles.map(({ id }) => Job.formatJobId(id)))
      yield* sayMet(handles.map(({ outcome }) => outcome))
      yield* sayWithheld(Object.keys(withheld))
      if (handles.length === 0) return yield* out.note("sluice: no commands in it, nothing was added")
      if (config.start) yield* startWorker(opened.settings.store.value, opened.settings.shared.value === "on")
      else yield* sayWithoutWorker(ShellTask.shellTaskName, yield* queue.workers)
    }).pipe(Effect.provide(opened.layer))
  })
).pipe(
  Command.withDescription("Puts a command into the queue, for whichever worker is free, and prints the job's id."),
  Command.withExamples([
    { command: "sluice add -- ./report.sh" },
    { command: "sluice add --start 'make -j4 test'", description: "one quoted line; with a worker, if none is alive" },
    { command: "sluice add --in 5m -g network -- ./fetch.sh" },
    {
      command: "sluice add --deferrable --deadline-in 12h -- ./backup.sh",
      description: "when least else is to be done"
    },
    { command: "sluice add --after $(sluice add -- make build) -- make deploy" },
    { command: "sluice add --notify 'mail -s \"$SLUICE_JOB_STATE\" me < /dev/null' -- ./report.sh" },
    { command: "sluice add --from commands.txt", description: "a job per line, all stored or none" },
    { command: "ls *.wav | sluice add --from - 'lame --quiet {} {.}.mp3'" },
    {
      command: "sluice add --from commands.txt --spread 10m",
      description: "one by one, over ten minutes"
    },
    {
      command: "sluice add --key index --debounce 5s -- ./reindex.sh",
      description: "once, 5 s after the last call, and at the latest 50 s after the first"
    },
    { command: "sluice add --keep none --keep failed=30d -- ./ping.sh", description: "no history, but of failures" },
    { command: "sluice add --env NPM_TOKEN -- npm publish", description: "a secret that the job needs, kept with it" }
  ])
)
