/**
 * The tasks this process knows and the handlers it has. Handler layers (`Task.toLayer`) register themselves here while
 * they are alive; the worker claims the jobs of the tasks it finds, and the command line looks up schemas by name.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import type { BatchItem } from "../Batches/Batch.ts"
import type { AnyTask, JobContext } from "./Task.ts"

/** A handler with its types erased; the registry pairs it with the task whose schemas check them. */
export type TaskHandler = (
  payload: unknown,
  job: JobContext<unknown, unknown>
) => Effect.Effect<unknown, unknown, never>

export type BatchTaskHandler = (
  items: ReadonlyArray<BatchItem<unknown, unknown, unknown, unknown>>
) => Effect.Effect<unknown, unknown, never>

export interface ThreadHandler {
  /** File URL or path of the module. */
  readonly module: string
  readonly export: string
  /** On the event loop until it is known to compute, then in threads; else always in threads. */
  readonly onceComputing: boolean
}

export type Registration =
  | {
      readonly _tag: "Fiber"
      readonly task: AnyTask
      readonly context: Context.Context<never>
      readonly run: TaskHandler
    }
  | {
      readonly _tag: "Batch"
      readonly task: AnyTask
      readonly context: Context.Context<never>
      readonly run: BatchTaskHandler
    }
  | { readonly _tag: "Thread"; readonly task: AnyTask; readonly handler: ThreadHandler }

export class TaskRegistry extends Context.Service<
  TaskRegistry,
  {
    /** Until the scope closes. A second handler for a task of the same name is a defect of the program. */
    readonly register: (registration: Registration) => Effect.Effect<void, never, Scope.Scope>
    readonly get: (name: string) => Registration | undefined
    readonly all: () => ReadonlyArray<Registration>
    /** Grows with each change, so that readers see when to look again. */
    readonly version: () => number
  }
>()("sluice/services/Queue/TaskRegistry") {}

export const layer: Layer.Layer<TaskRegistry> = Layer.sync(TaskRegistry, () => {
  const registrations = new Map<string, Registration>()
  let version = 0
  return {
    register: (registration) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          const { name } = registration.task
          if (registrations.has(name))
            return Effect.die(new Error(`Task ${JSON.stringify(name)} has two handlers; give each task one`))
          registrations.set(name, registration)
          version++
          return Effect.void
        }),
        () =>
          Effect.sync(() => {
            registrations.delete(registration.task.name)
            version++
          })
      ),
    get: (name) => registrations.get(name),
    all: () => [...registrations.values()],
    version: () => version
  }
})
