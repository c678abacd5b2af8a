/** A task of the project's own module, called by its name, and its payload from the command line. */
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import path from "node:path"
import { type Task, TaskRegistry } from "../../services/Queue/index.ts"
import { oneLine } from "../../services/Text/index.ts"
import { fail } from "../Failure.ts"
import { didYouMean } from "../input/Suggestion.ts"
import { Invocation } from "../Invocation.ts"
import { readPayload } from "../Payload.ts"
import type { Settings } from "../Settings.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import { load } from "./TaskModule.ts"

export const namedTaskFlags = {
  tasks: Flag.String("tasks").pipe(
    Flag.withMetavar("MODULE"),
    Flag.withDescription("the module (default: the config's)"),
    Flag.optional
  ),
  payload: Flag.String("payload").pipe(
    Flag.withMetavar("JSON|@FILE|-"),
    Flag.withDescription("what the job carries (default null)"),
    Flag.withDefault("null")
  )
}

/** The module's file: the flag's, else the config's. */
export const moduleFile = (flag: Option.Option<string>, settings: Pick<Settings, "tasks">) =>
  Effect.gen(function* () {
    const { cwd } = yield* Invocation
    const file = Option.isSome(flag) ? path.resolve(cwd, flag.value) : settings.tasks.value
    if (file === "")
      return yield* fail(
        "usage",
        "no module of tasks; name it with --tasks ./tasks.ts, in SLUICE_TASKS or in sluice.config.ts"
      )
    return file
  })

/** The module's tasks: those it exports, else those its handlers register. */
const tasksOf = (file: string) =>
  Effect.gen(function* () {
    const module = yield* load(file)
    if (module.tasks.size > 0 || module.handlers === undefined) return module.tasks
    const registry = yield* TaskRegistry
    yield* Effect.mapError(Layer.build(module.handlers), (error) =>
      fail("failure", `${file}: its handlers could not be made: ${String(error)}`)
    )
    return new Map(registry.all().map(({ task }): [string, Task.AnyTask] => [task.name, task]))
  })

/** The layer of the module's handlers, which it must have. */
export const moduleHandlers = (file: string) =>
  Effect.gen(function* () {
    const { handlers } = yield* load(file)
    if (handlers !== undefined) return handlers
    return yield* fail("usage", `${file} has no default export; expected the layer of your handlers`)
  })

/** The task of that name. */
export const taskOf = (file: string, name: string) =>
  Effect.gen(function* () {
    const tasks = yield* tasksOf(file)
    const task = tasks.get(name)
    if (task !== undefined) return task
    const names = [...tasks.keys()]
    return yield* fail(
      "notFound",
      `${file} has no task ${JSON.stringify(Sanitize.line(name))}; it has ${names.join(", ")}.${didYouMean(name, names)}`
    )
  })

/** The payload `--payload` names, checked against the task's schema. */
export const payloadOf = (task: Task.AnyTask, text: string, mostBytes: number) =>
  Effect.gen(function* () {
    const json = yield* readPayload(text, mostBytes)
    return yield* Effect.mapError(
      Schema.decodeUnknownEffect(Schema.toCodecJson(task.payload) as Schema.Codec<unknown, unknown>)(json),
      (error) => fail("usage", `the payload does not fit task ${task.name}: ${oneLine(error.message)}`)
    )
  })
