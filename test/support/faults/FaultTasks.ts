/** The tasks of the fault suites, as producers and workers share them. */
import { Schema } from "effect"
import { ResourceGroup, Task } from "../../../src/services/Queue/index.ts"

/** Who ran the job, as its result tells. */
export const Run = Schema.Struct({ process: Schema.String, attempt: Schema.Int, version: Schema.Int })

/** Takes its time and does no more. Roomy, so that waiting says something about recovery and not about slots. */
export const Nap = Task.make("nap", {
  payload: Schema.Struct({ ms: Schema.Finite, version: Schema.Int }),
  success: Run,
  group: ResourceGroup.make("naps", 24),
  retry: "quick"
})

/**
 * A nap that fails after it, in a fifth of its first attempts. Late attempts do not, so that each job completes however
 * often its worker is killed.
 */
export const Shaky = Task.make("shaky", {
  payload: Schema.Struct({ ms: Schema.Finite, version: Schema.Int }),
  success: Run,
  error: Schema.String,
  group: ResourceGroup.make("naps", 24),
  retry: { times: 12, firstMs: 200, capMs: 1000 }
})

/** The same for every process and run, so that an attempt that is run twice fails twice. */
export const fails = (id: number, attempt: number): boolean => attempt < 4 && (id * 7 + attempt * 3) % 5 === 0

/** One at a time: order is seen. */
export const Single = Task.make("single", {
  payload: Schema.Struct({ ms: Schema.Finite, version: Schema.Int }),
  success: Run,
  group: ResourceGroup.make("single", 1),
  retry: "quick"
})

/** Fifty at a time, three calls at once. `poison` kills its process in the middle of the call. */
export const Batched = Task.make("batched", {
  payload: Schema.Struct({ ms: Schema.Finite, poison: Schema.Boolean }),
  success: Run,
  group: ResourceGroup.make("batched", 3),
  retry: "quick",
  batch: { maxBatchSize: 50, maxWaitTime: "50 millis" }
})

/** Holds the event loop of its process. */
export const Block = Task.make("block", {
  payload: Schema.Struct({ ms: Schema.Finite, version: Schema.Int }),
  success: Run,
  group: ResourceGroup.make("blocking", 4),
  retry: "quick"
})

/** A nap that is unique by its key. */
export const Keyed = Task.make("keyed", {
  payload: Schema.Struct({ key: Schema.String, ms: Schema.Finite }),
  success: Run,
  group: ResourceGroup.make("keyed", 24),
  retry: "quick",
  idempotencyKey: ({ key }) => key
})

/** Poison that its worker process swallows: `kind` is an export of `PoisonInProcess`. */
export const PoisonProcess = Task.make("poison-process", {
  payload: Schema.Struct({ kind: Schema.String }),
  success: Schema.Struct({ n: Schema.Int }),
  group: ResourceGroup.make("poison-process", 2),
  retry: "quick",
  hardLimit: "1500 millis"
})

/** Kinds of poison that a thread swallows: each an export of `PoisonInThread.ts`. */
export const threadPoisons = [
  "kill",
  "exit",
  "endlessLoop",
  "heap",
  "hugeError",
  "never",
  "lateRejection",
  "throwsUndefined",
  "badResult",
  "unsendable"
] as const

export const poisonThread = (kind: (typeof threadPoisons)[number]) =>
  Task.make(`poison-thread-${kind}`, {
    payload: Schema.Struct({}),
    success: Schema.Struct({ n: Schema.Int }),
    group: ResourceGroup.make("poison-thread", 2),
    retry: "quick",
    // Those that never end are stopped soon; the others have time to do their harm on a busy machine.
    hardLimit: kind === "endlessLoop" || kind === "never" ? "1500 millis" : "30 seconds"
  })
