/** The worker that `run` and `map` bring along: it runs the commands of this process and no others. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { stopsWithItsJobs } from "./JobControl.ts"
import { mostSlots, PrivateLane, type ShellTask, Sluice, TaskQueue, Worker } from "../services/Queue/index.ts"

/**
 * Until the scope closes, then it stops gracefully. It has no slots at first. `undefined`: the lane to resume has an
 * owner.
 */
export const acquire = (options: {
  readonly name: string
  readonly listener: ShellTask.ShellListener
  readonly resume?: number | undefined
}) =>
  Effect.andThen(
    TaskQueue.use(({ hold }) => stopsWithItsJobs(hold)),
    PrivateLane.acquire(
      (task) =>
        Layer.build(
          Sluice.layerWorker({ name: options.name, slots: { "*": 0 }, totalSlots: mostSlots }).pipe(
            Layer.provide(Sluice.layerShell(task, options.listener))
          )
        ).pipe(Effect.map((context) => Context.get(context, Worker))),
      options.resume === undefined ? {} : { resume: options.resume }
    )
  )
