/**
 * A handler that can run in a thread, run on this event loop instead: the same module, called the same way, its errors
 * told the same way.
 */
import { Effect } from "effect"
import { isAbsolute } from "node:path"
import { pathToFileURL } from "node:url"
import { formatJobId } from "../Job.ts"
import type { TaskCodec } from "../codec/TaskCodec.ts"
import type { ThreadHandler } from "../TaskRegistry.ts"
import type { Attempt } from "./Attempt.ts"
import { type Handler, handlerOf } from "./ModuleHandler.ts"
import * as PlainError from "./PlainError.ts"
import { failureOf } from "./ThreadTask.ts"
import { HandlerFailed, ThreadCallInvalid, type ThreadContext } from "./ThreadPool.ts"

/** Loads without the handler, by module: Node remembers what it has loaded, or failed to, under its name. */
const failedLoads = new Map<string, number>()

const nameToLoad = (module: string): string => {
  const failed = failedLoads.get(module)
  return failed === undefined ? module : `${module}${module.includes("?") ? "&" : "?"}load=${failed + 1}`
}

/** Ends the attempt, not the job: the module may come, or be mended, a moment later. */
const notThere = (module: string, error: ThreadCallInvalid) =>
  Effect.suspend(() => {
    failedLoads.set(module, (failedLoads.get(module) ?? 0) + 1)
    return Effect.die(error)
  })

/** Node keeps what it has loaded: from the second call on this takes microseconds. */
const load = (handler: ThreadHandler): Effect.Effect<Handler> => {
  const module = isAbsolute(handler.module) ? pathToFileURL(handler.module).href : handler.module
  const invalid = (reason: ThreadCallInvalid["reason"], detail: string) =>
    new ThreadCallInvalid({ reason, detail: `${module}${detail}` })
  return Effect.tryPromise({
    try: (): Promise<Record<string, unknown>> => import(nameToLoad(module)),
    catch: (cause) => invalid("ModuleNotLoaded", `: ${PlainError.summary(cause)}`)
  }).pipe(
    Effect.flatMap((exports) => {
      const run = handlerOf(exports, handler.export)
      return run !== undefined
        ? Effect.succeed(run)
        : Effect.fail(invalid("ExportMissing", ` exports no function ${JSON.stringify(handler.export)}`))
    }),
    Effect.catch((error) => notThere(module, error))
  )
}

const contextOf = (attempt: Attempt): ThreadContext => ({
  job: { id: formatJobId(attempt.id), task: attempt.task, group: attempt.group, attempt: attempt.attempt },
  signal: attempt.signal,
  progress: (value) => attempt.report(value),
  log: (level, message) => attempt.log(level, message)
})

const thrown = (cause: unknown) => new HandlerFailed({ reason: "thrown", error: PlainError.from(cause) })

export const moduleTask =
  (handler: ThreadHandler, codec: TaskCodec) =>
  (payload: unknown, attempt: Attempt): Effect.Effect<unknown, unknown> =>
    Effect.flatMap(load(handler), (run) =>
      Effect.tryPromise({ try: async () => run(payload, contextOf(attempt)), catch: thrown }).pipe(
        Effect.flatMap((value) =>
          Effect.isEffect(value) ? (value as Effect.Effect<unknown, unknown>) : Effect.succeed(value)
        ),
        Effect.catch((error) => (error instanceof HandlerFailed ? failureOf(error, codec) : Effect.fail(error)))
      )
    )
