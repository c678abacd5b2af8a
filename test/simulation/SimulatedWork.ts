/** The tasks of the simulation: handlers do what their payload says, and write down that they did. */
import { Effect, Layer, Schema } from "effect"
import { type JobId, Task, type TaskRegistry } from "../../src/services/Queue/index.ts"

export const Behaviour = Schema.Literals([
  "succeed",
  "fail",
  "defect",
  "slow",
  "progress",
  "snooze",
  "stubborn",
  "final"
])
export type Behaviour = typeof Behaviour.Type
export const behaviours: ReadonlyArray<Behaviour> = Behaviour.literals

export class Unlucky extends Schema.TaggedError<Unlucky>()("Unlucky", {}) {}

const make = (name: string, group: string) =>
  Task.make(name, {
    payload: Schema.Struct({ does: Behaviour, ms: Schema.Int }),
    success: Schema.Int,
    error: Unlucky,
    progress: Schema.Int,
    group,
    retry: { times: 2, firstMs: 200 },
    softLimit: "8 seconds",
    hardLimit: "10 seconds"
  })

export const tasks = { alpha: make("alpha", "left"), beta: make("beta", "left"), gamma: make("gamma", "right") }
export type TaskName = keyof typeof tasks
export const taskNames = Object.keys(tasks) as ReadonlyArray<TaskName>
export const groups = ["left", "right"] as const

export interface Run {
  readonly id: JobId
  readonly attempt: number
  end: "running" | "done"
}

/** Handlers of some of the tasks; each run is noted in the ledger. */
export const handlersOf = (
  names: ReadonlyArray<TaskName>,
  ledger: Map<JobId, Array<Run>>
): Layer.Layer<never, never, TaskRegistry> => {
  const layers = names.map((name) =>
    tasks[name].toLayer(({ does, ms }, job) =>
      Effect.gen(function* () {
        const run: Run = { id: job.id, attempt: job.attempt, end: "running" }
        const runs = ledger.get(job.id)
        if (runs === undefined) ledger.set(job.id, [run])
        else runs.push(run)
        if (does === "stubborn") yield* Effect.uninterruptible(Effect.sleep(ms * 20))
        else if (does === "slow") yield* Effect.sleep(ms * 40)
        else if (ms > 0) yield* Effect.sleep(ms)
        switch (does) {
          case "fail":
            return yield* new Unlucky()
          case "final":
            return yield* new Task.NonRetryable({ message: "final" })
          case "defect":
            return yield* Effect.die(new Error("defect"))
          case "snooze":
            if ((ledger.get(job.id)?.length ?? 0) < 2) return yield* job.snooze(ms * 3)
            break
          case "progress":
            for (let i = 0; i < 3; i++) {
              yield* job.progress(i)
              yield* Effect.logInfo(`at ${i}`)
              yield* Effect.sleep(ms)
            }
        }
        run.end = "done"
        return ms
      })
    )
  )
  return layers.length === 0 ? Layer.empty : Layer.mergeAll(layers[0]!, ...layers.slice(1))
}
