/**
 * `sluice job pause`, `resume` and `kill`: signals to the process group of a running command, whichever worker of this
 * machine runs it.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { constants } from "node:os"
import { Job, ShellTask, TaskQueue } from "../../../services/Queue/index.ts"
import { type CommandFailure, fail } from "../../Failure.ts"
import { didYouMean } from "../../input/Suggestion.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as JobProcess from "../../JobProcess.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"

const names = Object.keys(constants.signals)

/** `INT`, `SIGINT` or `2`. */
const parseSignal = (text: string): Result.Result<NodeJS.Signals, { readonly advice: string }> => {
  const upper = text.toUpperCase()
  const name = names.find(
    (signal) =>
      signal === upper || signal === `SIG${upper}` || String(constants.signals[signal as NodeJS.Signals]) === text
  )
  return name === undefined
    ? Result.fail({ advice: `a signal like TERM, INT or HUP.${didYouMean(`SIG${upper}`, names)}` })
    : Result.succeed(name as NodeJS.Signals)
}

const advices: { readonly [state in Job.JobState]?: string } = {
  scheduled: "sluice job snooze puts it off, sluice job cancel cancels it",
  pending: "sluice job snooze puts it off, sluice job cancel cancels it"
}

/** Signals the job's process group and answers what is to be said. */
const send = (reference: string, signal: NodeJS.Signals, done: string) =>
  Effect.gen(function* () {
    const out = yield* output
    const id = yield* JobReference.jobOf(reference)
    const name = Job.formatJobId(id)
    const queue = yield* TaskQueue
    const { state, task } = yield* queue.get(id)
    if (state !== "running") {
      const advice = advices[state]
      return yield* fail("conflict", `job ${name} is ${state}, not running${advice === undefined ? "" : `; ${advice}`}`)
    }
    if (!ShellTask.isShellTask(task))
      return yield* fail("conflict", `job ${name} is a task of a program (${task}), which has no process of its own`)
    const found = JobProcess.find(name, queue.store.label)
    if (found === undefined)
      return yield* fail("notFound", `no process of job ${name} is found on this machine; its worker may be on another`)
    yield* Effect.try({
      try: () => process.kill(-found.pid, signal),
      catch: (error): CommandFailure =>
        fail("notAllowed", `job ${name} cannot be signalled: ${(error as Error).message}`)
    })
    yield* out.line(out.quiet ? name : `${name} ${done}`)
  })

const job = JobFlags.jobIdArgument()

export const pause = Command.make(
  "pause",
  { job },
  Effect.fnUntraced(function* ({ job }) {
    yield* send(job, "SIGSTOP", "is stopped; sluice job resume continues it, and its time limits go on")
  }, looking)
).pipe(
  Command.withDescription("Stops a running command where it is (SIGSTOP). It keeps its slot."),
  Command.withExamples([{ command: "sluice job pause last" }])
)

export const resume = Command.make(
  "resume",
  { job },
  Effect.fnUntraced(function* ({ job }) {
    yield* send(job, "SIGCONT", "goes on")
  }, looking)
).pipe(
  Command.withDescription("Lets a stopped command go on (SIGCONT)."),
  Command.withExamples([{ command: "sluice job resume last" }])
)

export const kill = Command.make(
  "kill",
  {
    signal: Flag.String("signal").pipe(
      Flag.withAlias("s"),
      Flag.withMetavar("SIGNAL"),
      Flag.withDescription("TERM, INT, HUP, KILL, USR1 and the like (default TERM)"),
      Flag.withDefault("TERM"),
      Flag.mapEffect(JobFlags.reading("signal", "flag", parseSignal))
    ),
    job
  },
  Effect.fnUntraced(function* ({ job, signal }) {
    yield* send(job, signal, `was sent ${signal}`)
  }, looking)
).pipe(
  Command.withDescription(
    "Sends a signal to a running command and what it started. How it ends is then its attempt's end: a failed one is retried, which job cancel would not do."
  ),
  Command.withExamples([{ command: "sluice job kill -s INT last" }])
)
