/**
 * The module of `--tasks`: its default export is the layer of your handlers, or an array of such layers.
 *
 * ```ts
 * // tasks.ts
 * export const Resize = Task.make("resize", { ... })
 * export default Resize.toLayer((payload, job) => ...)      // or: export default [ResizeLive, MailLive]
 * ```
 *
 * What else the handlers need must have been provided to them already. Tasks that are exported by name are what `sluice
 * enqueue` knows.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { existsSync } from "node:fs"
import { pathToFileURL } from "node:url"
import type { Task, TaskRegistry } from "../../services/Queue/index.ts"
import { type CommandFailure, fail } from "../Failure.ts"

export type Handlers = Layer.Layer<never, unknown, TaskRegistry>

export interface TaskModule {
  /** Undefined: the module exports none. */
  readonly handlers: Handlers | undefined
  /** Exported tasks, by the name they carry. */
  readonly tasks: ReadonlyMap<string, Task.AnyTask>
}

const oneLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split("\n")[0]!

const isTask = (value: unknown): value is Task.AnyTask =>
  typeof value === "object" &&
  value !== null &&
  "name" in value &&
  typeof value.name === "string" &&
  "payload" in value &&
  "toLayer" in value &&
  typeof value.toLayer === "function"

const handlersOf = (exported: unknown, file: string): Handlers | undefined | CommandFailure => {
  if (exported === undefined) return undefined
  const layers: ReadonlyArray<unknown> = Array.isArray(exported) ? exported : [exported]
  const wrong = layers.findIndex((layer) => !Layer.isLayer(layer))
  if (wrong >= 0 || layers.length === 0) {
    const what = Array.isArray(exported)
      ? layers.length === 0
        ? "is an empty array"
        : `holds something else at ${wrong}`
      : `is ${exported === null ? "null" : typeof exported}`
    return fail(
      "usage",
      `${file}: its default export ${what}; expected the layer of your handlers (task.toLayer(...)) or an array of them`
    )
  }
  return layers.map((layer) => layer as Handlers).reduce((all, layer) => Layer.merge(all, layer))
}

/** Loads a module of tasks. `file` is absolute. */
export const load = (file: string): Effect.Effect<TaskModule, CommandFailure> =>
  Effect.gen(function* () {
    if (!existsSync(file))
      return yield* fail("notFound", `no module ${file}; name it with --tasks, as in --tasks ./tasks.ts`)
    const module = yield* Effect.tryPromise({
      try: () => import(pathToFileURL(file).href) as Promise<Readonly<Record<string, unknown>>>,
      catch: (error) => fail("usage", `${file} cannot be loaded: ${oneLine(error)}`)
    })
    const handlers = handlersOf(module.default, file)
    if (handlers !== undefined && "_tag" in handlers && handlers._tag === "CommandFailure")
      return yield* handlers as CommandFailure
    const tasks = new Map<string, Task.AnyTask>()
    for (const value of Object.values(module)) if (isTask(value)) tasks.set(value.name, value)
    if (handlers === undefined && tasks.size === 0) {
      return yield* fail(
        "usage",
        `${file} exports no handlers and no tasks; expected \`export default task.toLayer(...)\``
      )
    }
    return { handlers: handlers as Handlers | undefined, tasks }
  })
