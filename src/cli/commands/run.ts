/** `sluice run`: a command as a job, in the foreground. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Duration from "effect/Duration"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import {
  type Explain,
  Job,
  type JobId,
  ProcessGroup,
  ResourceGroup,
  ShellTask,
  TaskQueue
} from "../../services/Queue/index.ts"
import { commandWords, readAll, recorded } from "../Caller.ts"
import { commandEnd } from "../CommandEnd.ts"
import * as CommandOutput from "../CommandOutput.ts"
import { fail, passOn } from "../Failure.ts"
import { sayNew } from "../GroupArgument.ts"
import { hint } from "../Hint.ts"
import { Invocation } from "../Invocation.ts"
import { checkInput, checkTerminal, toEnqueueOptions, ttyFlag, withStandardInput } from "../JobFlags.ts"
import * as NestedSlot from "../NestedSlot.ts"
import * as Notifying from "../notify/Notifying.ts"
import { open } from "../OpenStore.ts"
import { output } from "../Output.ts"
import * as OwnWorker from "../OwnWorker.ts"
import { explain } from "../Reason.ts"
import { endedBy, Signals } from "../Signals.ts"
import * as StandardStreams from "../StandardStreams.ts"
import * as Sanitize from "../terminal/Sanitize.ts"

/** A job that has not started by then is worth a word. */
const sayWhyAfter = Duration.seconds(1)
/** How long a cancelled command may take to end before we leave it to the worker's stop. */
const cancelWait = Duration.seconds(5)

/** How often it is looked whether a command that was told to end has. */
const lookEvery = "50 millis"

const untilGone = (group: () => number | undefined): Effect.Effect<void> =>
  Effect.suspend(() => {
    const known = group()
    return known !== undefined && !ProcessGroup.isAlive(known)
      ? Effect.void
      : Effect.andThen(Effect.sleep(lookEvery), untilGone(group))
  })

/** Of its group; its own worker has a slot, which the store may not have heard of yet. */
const fullness = (name: string) =>
  Effect.map(
    TaskQueue.use((queue) => queue.stats),
    ({ groups }): Explain.Reason | undefined => {
      const group = groups.find((one) => one.name === name)
      return group === undefined || group.busy < group.limit
        ? undefined
        : { _tag: "GroupFull", group: name, running: group.busy, limit: group.limit }
    }
  )

/** Says why the job waits, once per reason, until it has started. */
const sayWhy = (id: JobId, hasStarted: () => boolean) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const out = yield* output
    let said = ""
    while (!hasStarted()) {
      yield* Effect.sleep(sayWhyAfter)
      if (hasStarted()) return
      const found = yield* queue.explain(id)
      const reason = found._tag === "NoSlotsForGroup" ? ((yield* fullness(found.group)) ?? found) : found
      if (
        reason._tag === "Running" ||
        reason._tag === "Finished" ||
        reason._tag === "Next" ||
        reason._tag === "NoSlotsForGroup" ||
        reason._tag === "WaitingForRetry"
      )
        continue
      const { advice, why } = explain(reason, yield* Clock.currentTimeMillis)
      if (why !== said) yield* out.note(`sluice: waiting, ${why}${advice === "" ? "" : ` (${yield* hint(advice)})`}`)
      said = why
    }
  })

export const command = Command.make(
  "run",
  { ...withStandardInput, tty: ttyFlag, words: Argument.String("command").pipe(Argument.variadic()) },
  Effect.fnUntraced(function* (flags) {
    const { stdin, stderr, stdout } = yield* Invocation
    const out = yield* output
    const words = yield* commandWords(flags.words, { shell: flags.shell, usage: "sluice run -- make test" })
    yield* checkInput(flags)
    yield* checkTerminal(flags)
    if (flags.tty && (flags.stdin || flags.stdinOpen))
      return yield* fail("usage", "--tty reads from the terminal; leave --stdin and --stdin-open out")
    if (!flags.stdin && StandardStreams.isPipedInto())
      yield* out.note("sluice: what is piped in is not passed to the command; --stdin passes it on")
    const opened = yield* open({ create: true, thread: true })
    const input = flags.stdin ? yield* readAll(stdin, opened.queueSettings.maxPayloadBytes) : undefined
    const { command: payload, withheld } = yield* recorded(words, opened.settings, flags, input)
    const texts = CommandOutput.texts(out)
    const notifier = yield* Notifying.of(flags.notify)
    const options = toEnqueueOptions(flags, 0)
    const resourceGroup = options.group ?? ResourceGroup.computation.name
    let id: JobId | undefined
    let started = false
    /** The process group of the command, once there is one. */
    let group: number | undefined

    const work = Effect.gen(function* () {
      const signals = yield* (yield* Signals).takeOver
      const queue = yield* TaskQueue
      const runPromise = Effect.runPromiseWith(yield* Effect.context<never>())
      const lane = yield* OwnWorker.acquire({
        name: `run:${process.pid}`,
        listener: {
          env: withheld,
          atTerminal: flags.tty,
          onStart: () => {
            started = true
          },
          onProcess: (_, pid) => {
            group = pid
          },
          // The command is read no faster than its output is taken.
          onOutput: async (_, log, chunk, stream) => {
            const screen = stream === "stdout" ? stdout : stderr
            await Promise.all([
              runPromise(screen.isTerminal ? screen.write(texts[stream].take(chunk)) : screen.writeBytes(chunk)),
              log.write(chunk, stream)
            ])
          }
        }
      })
      if (options.group !== undefined) yield* sayNew(options.group)
      const handle = yield* queue.enqueue(
        lane!.task,
        flags.stdinOpen ? { ...payload, stdinOpen: true } : payload,
        options
      )
      id = handle.id
      // Nobody waits any more (a broken pipe): the command goes too, at once.
      yield* Effect.addFinalizer((exit) =>
        Exit.hasInterrupts(exit)
          ? Effect.andThen(Effect.ignore(queue.cancel(handle.id, "its output is no longer read")), lane!.worker.hurry)
          : Effect.void
      )
      const isNested = yield* NestedSlot.isWithin(resourceGroup)
      yield* lane!.worker.setSlots(resourceGroup, 1, isNested ? "nested" : undefined)
      if (!out.quiet) yield* Effect.forkScoped(Effect.ignore(sayWhy(handle.id, () => started)))
      const waiting = yield* Effect.forkScoped(Effect.exit(handle.await))

      const first = yield* Effect.raceFirst(
        Effect.map(Fiber.join(waiting), (exit) => ({ _tag: "Ended" as const, exit })),
        Effect.map(Queue.take(signals), (signal) => ({ _tag: "Signal" as const, signal }))
      )
      if (first._tag === "Ended") return first.exit

      const { grace } = opened.queueSettings
      // Its retries are nobody's wish any more.
      yield* lane!.worker.setSlots(resourceGroup, 0)
      // Of a terminal that the command has it has heard itself, and has ended by it.
      const hasHeard = flags.tty && first.signal === "SIGINT"
      if (started && !hasHeard) {
        if (group !== undefined) ProcessGroup.signal(group, first.signal)
        yield* out.note(
          `sluice: the command was told (${first.signal}) and has ${Duration.format(grace)} to finish; once more stops it now`
        )
        yield* Effect.raceAllFirst([
          Fiber.join(waiting),
          Queue.take(signals),
          Effect.sleep(grace),
          untilGone(() => group)
        ])
      }
      yield* Effect.ignore(queue.cancel(handle.id, `ended by ${first.signal}`))
      yield* Effect.timeoutOption(Fiber.join(waiting), cancelWait)
      yield* lane!.worker.hurry
      return yield* endedBy(first.signal)
    })

    const exit = yield* Effect.scoped(work).pipe(Effect.provide(opened.layer))
    yield* stdout.write(texts.stdout.end())
    yield* stderr.write(texts.stderr.end())
    const end = commandEnd(exit)
    if (end === undefined)
      return yield* Exit.isFailure(exit)
        ? Effect.failCause(exit.cause)
        : fail("failure", "the command's end is not known")
    if (end.remark !== "") yield* out.note(`sluice: ${Sanitize.line(end.remark)}`)
    yield* notifier({
      id: id === undefined ? undefined : Job.formatJobId(id),
      state: end.exitCode === 0 ? "completed" : "failed",
      exitCode: end.exitCode,
      task: ShellTask.shellTaskName,
      group: resourceGroup,
      what: words.join(" "),
      durationMs: end.durationMs,
      error: end.remark
    })
    if (end.exitCode !== 0) return yield* passOn(end.exitCode)
  })
).pipe(
  Command.withDescription(
    "Runs a command as a job within the slots of its group, waits for it and passes its exit code on."
  ),
  Command.withExamples([
    { command: "sluice run -- make test" },
    { command: "sluice run -g network --retry 3 --timeout 30s -- ./fetch.sh" },
    { command: "sluice run --notify -- make test", description: "tells the desktop when it has ended" },
    { command: "sluice run --tty -- ./setup.sh", description: "asks at this terminal" },
    { command: "sluice run --shell -- 'sort < words | uniq -c'" }
  ])
)
