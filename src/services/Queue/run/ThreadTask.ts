/** A task's handler in a thread, in the shape of one in a fiber: the thread's errors become the task's. */
import { Effect } from "effect"
import { RateLimited, rateLimitedTag } from "../../Limits/RateLimited.ts"
import { formatJobId } from "../Job.ts"
import { NonRetryable } from "../Task.ts"
import type { TaskCodec } from "../codec/TaskCodec.ts"
import type { ThreadHandler } from "../TaskRegistry.ts"
import type { Attempt } from "./Attempt.ts"
import { type HandlerFailed, isOfModule, type ThreadPool } from "./ThreadPool.ts"

/** The typed error if it decodes as one, else a defect with the thread's message and stack. */
export const failureOf = (failed: HandlerFailed, codec: TaskCodec): Effect.Effect<never, unknown> => {
  const thrown = failed.error
  const fields = typeof thrown === "object" && thrown !== null ? (thrown as Record<string, unknown>) : {}
  if (fields._tag === "sluice/NonRetryable") {
    return Effect.fail(new NonRetryable({ message: String(fields.message ?? ""), detail: fields.detail }))
  }
  if (fields._tag === rateLimitedTag) return Effect.fail(RateLimited.fromData(fields))
  if (failed.reason === "failure" || failed.reason === "thrown") {
    try {
      const error = codec.error.decode(thrown)
      // Decoding checks nothing where the schema transforms nothing; encoding does.
      codec.error.encode(error)
      return Effect.fail(error)
    } catch {
      // not one of the task's errors
    }
  }
  const defect = new Error(typeof fields.message === "string" ? fields.message : String(thrown))
  if (typeof fields.stack === "string") defect.stack = fields.stack
  return Effect.die(defect)
}

export const threadTask =
  (
    pool: ThreadPool["Service"],
    handler: ThreadHandler,
    codec: TaskCodec,
    onEnd?: (runMs: number, cpuMs: number) => void
  ) =>
  (payload: unknown, attempt: Attempt): Effect.Effect<unknown, unknown> => {
    attempt.hasBegun = false
    return pool
      .run({
        module: handler.module,
        export: handler.export,
        payload: { value: payload },
        job: { id: formatJobId(attempt.id), task: attempt.task, group: attempt.group, attempt: attempt.attempt },
        onStart: () => attempt.begin(),
        ...(onEnd === undefined ? {} : { onEnd }),
        signal: attempt.signal,
        onProgress: (value) => attempt.report(value),
        onLog: (level, message) => attempt.log(level, message)
      })
      .pipe(
        Effect.catchTags({
          HandlerFailed: (failed) => failureOf(failed, codec),
          ThreadDied: (died) => Effect.die(died),
          ThreadCallInvalid: (invalid) =>
            isOfModule(invalid.reason)
              ? Effect.die(invalid)
              : Effect.fail(new NonRetryable({ message: invalid.message }))
        })
      )
  }
