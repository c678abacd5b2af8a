/**
 * Tells of jobs that ended in this worker: of all of them (`worker --notify`), and of those that were added with a
 * notifier of their own.
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import {
  Job,
  type JobId,
  type JobRecord,
  JobValues,
  type QueueEvent,
  QueueEvents,
  ShellTask,
  TaskQueue
} from "../../services/Queue/index.ts"
import { Invocation } from "../Invocation.ts"
import { taskName } from "../JobTable.ts"
import { type Notice, notifyHeader } from "../notify/Notice.ts"
import * as Notifier from "../notify/Notifier.ts"
import { output } from "../Output.ts"
import { whatItDoes } from "../../api/JobShape.ts"

/** Notifiers that run at a time: a worker has better things to do. */
const atOnce = 4
/** Ends that wait for one; more are not told. Some minutes of slow ones. */
const waitingMost = 1000

/** A worker that stops waits no longer for those under way. */
const lastWords = "10 seconds"

const decodeCommand = Schema.decodeUnknownOption(Schema.toCodecJson(ShellTask.shell.payload))
const decodeExitCode = Schema.decodeUnknownOption(Schema.Struct({ exitCode: Schema.Int }))

interface End {
  readonly id: JobId
  readonly state: Notice["state"]
  readonly runMs: number
  /** What it was added with. */
  readonly own: Notifier.Target | undefined
}

/** Of a failed command its own code. */
const exitCodeOf = (job: JobRecord): number | undefined => {
  if (!ShellTask.isShellTask(job.task)) return undefined
  if (job.state === "completed") return 0
  return Option.getOrUndefined(decodeExitCode(job.failure?.error))?.exitCode
}

/** Until the scope closes, and then to the end of what ended before. `forAll`: the notifier for every job. */
export const make = (forAll: Notifier.Target | undefined) =>
  Effect.gen(function* () {
    const { cwd, env } = yield* Invocation
    const out = yield* output
    const queue = yield* TaskQueue
    const notifier = Notifier.make(out.note)
    /** Notifiers of jobs that run here. */
    const own = new Map<JobId, Notifier.Target>()
    const ends = yield* Queue.dropping<End, Cause.Done>(waitingMost)
    let dropped = false

    const tell = ({ id, own, runMs, state }: End) =>
      Effect.gen(function* () {
        const job = yield* Effect.provideService(queue.get(id), JobValues, "json")
        const notice: Notice = {
          id: Job.formatJobId(id),
          state,
          exitCode: exitCodeOf(job),
          task: taskName(job.task),
          group: job.group,
          what: whatItDoes(job),
          durationMs: runMs,
          error: state === "completed" ? "" : (job.failure?.message ?? "")
        }
        if (forAll !== undefined) yield* notifier.tell(forAll, notice, { cwd, env })
        if (own !== undefined) {
          const command = Option.getOrUndefined(decodeCommand(job.payload))
          const isText = typeof command?.cwd === "string"
          yield* notifier.tell(own, notice, isText ? { cwd: command.cwd as string, env: command.env } : { cwd, env })
        }
        // The job may be gone, or the store: there is nothing to tell then.
      }).pipe(Effect.ignoreCause)

    const onEnd = (id: JobId, state: Notice["state"], runMs: number) =>
      Effect.gen(function* () {
        const target = own.get(id)
        own.delete(id)
        if (forAll === undefined && target === undefined) return
        if ((yield* Queue.offer(ends, { id, state, runMs, own: target })) || dropped) return
        dropped = true
        yield* out.note(`sluice: notifiers take too long; ends of jobs beyond ${waitingMost} are not told (told once)`)
      })

    const hear = (event: QueueEvent) => {
      switch (event._tag) {
        case "Completed":
          return onEnd(event.id, "completed", event.runMs)
        case "Failed":
          return onEnd(event.id, "failed", event.runMs)
        case "Cancelled":
          return onEnd(event.id, "cancelled", event.runMs)
        case "Retried":
        case "Released":
        case "LeaseLost":
          own.delete(event.id)
          return Effect.void
        default:
          return Effect.void
      }
    }

    const tellAll = Effect.forever(Effect.flatMap(Queue.take(ends), tell))
    const serving = yield* Effect.forEach(Arr.range(1, atOnce), () => Effect.forkDetach(Effect.ignoreCause(tellAll)))
    const events = yield* (yield* QueueEvents).subscribe
    yield* Effect.addFinalizer(() =>
      Effect.gen(function* () {
        yield* Effect.forEach(yield* PubSub.takeUpTo(events, waitingMost), hear)
        yield* Queue.end(ends)
        yield* Effect.timeoutOption(Fiber.awaitAll(serving), lastWords)
        yield* Fiber.interruptAll(serving)
      })
    )
    yield* Effect.forkScoped(Effect.forever(Effect.flatMap(PubSub.take(events), hear)))
    return {
      /** For the commands that this worker runs. */
      onStart: ({ headers, id }: { readonly headers: Readonly<Record<string, string>>; readonly id: JobId }) => {
        const target = headers[notifyHeader]
        if (target !== undefined) own.set(id, target)
      }
    }
  })
