/**
 * Spans of jobs: `send {group}` for an enqueue, `process {group}` for each attempt, the second a child of the first
 * across the store, by the job's `traceparent` header. Names and attributes are those of OpenTelemetry's semantic
 * conventions for messaging.
 *
 * Only for a tracer that was provided: without one nothing is made and no header is written. An attempt goes by the
 * tracer its handler's layer was built with.
 */
import { Cause, Context, Effect, type Exit, Tracer } from "effect"
import { formatJobId, type JobId } from "../Job.ts"
import { formatTraceParent, parseTraceParent, traceHeader } from "../policy/TraceParent.ts"
import type { NewJob } from "../../Store/Turn.ts"

const isListening = (tracer: Tracer.Tracer) => tracer !== Tracer.nativeTracer

/** What failed, in a word of few values: the tag of a typed error, the name of another. */
const errorType = (error: unknown): string => {
  const { _tag, name } = Object(error) as { readonly _tag?: unknown; readonly name?: unknown }
  return typeof _tag === "string" ? _tag : typeof name === "string" ? name : typeof error
}

const tellFailure = (span: Tracer.Span) => (exit: Exit.Exit<unknown, unknown>) =>
  Effect.sync(() => {
    if (exit._tag === "Failure") span.attribute("error.type", errorType(Cause.squash(exit.cause)))
  })

const withSpanOf = (job: NewJob, header: string): NewJob => {
  if (job.extra?.headers?.[traceHeader] !== undefined) return job
  return { ...job, extra: { ...job.extra, headers: { ...job.extra?.headers, [traceHeader]: header } } }
}

const messaging = (operation: "send" | "process", group: string) => ({
  "messaging.system": "sluice",
  "messaging.operation.name": operation,
  "messaging.operation.type": operation,
  "messaging.destination.name": group,
  "sluice.job.group": group
})

/** A call that stores jobs. A header that the caller gave stays: then theirs is the trace. */
export const sending = <A, E>(
  jobs: ReadonlyArray<NewJob>,
  store: (jobs: ReadonlyArray<NewJob>) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) => {
    if (!isListening(fiber.getRef(Tracer.Tracer))) return store(jobs)
    const [first] = jobs
    const group = first!.group
    return Effect.useSpan(
      `send ${group}`,
      {
        kind: "producer",
        attributes: {
          ...messaging("send", group),
          "sluice.job.task": first!.task,
          "sluice.job.priority": first!.priority,
          ...(jobs.length > 1 && { "messaging.batch.message_count": jobs.length })
        }
      },
      (span) => {
        const header = formatTraceParent(span)
        // A span that is not recorded has no ids.
        const traced = parseTraceParent(header) === undefined ? jobs : jobs.map((job) => withSpanOf(job, header))
        return Effect.onExit(store(traced), tellFailure(span))
      }
    )
  })

/** What an attempt's span is told of it. */
export interface TracedAttempt {
  readonly id: JobId
  readonly task: string
  readonly group: string
  readonly attempt: number
  readonly priority: number
  readonly headers: Readonly<Record<string, string>>
}

/** A handler of the tracer in `context`, in a span for each of its attempts; as it is where none listens. */
export const processing = <P, C extends TracedAttempt>(
  context: Context.Context<never>,
  run: (payload: P, attempt: C) => Effect.Effect<unknown, unknown>
): ((payload: P, attempt: C) => Effect.Effect<unknown, unknown>) => {
  if (!isListening(Context.get(context, Tracer.Tracer))) return run
  return (payload, attempt) => {
    const sender = parseTraceParent(attempt.headers[traceHeader])
    return Effect.useSpan(
      `process ${attempt.group}`,
      {
        kind: "consumer",
        ...(sender === undefined ? { root: true } : { parent: Tracer.externalSpan(sender) }),
        attributes: {
          ...messaging("process", attempt.group),
          "messaging.message.id": formatJobId(attempt.id),
          "sluice.job.task": attempt.task,
          "sluice.job.attempt": attempt.attempt,
          "sluice.job.priority": attempt.priority
        }
      },
      (span) =>
        run(payload, attempt).pipe(Effect.provideService(Tracer.ParentSpan, span), Effect.onExit(tellFailure(span)))
    )
  }
}
