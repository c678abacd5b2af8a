/** `run` and `map` within a job of the same group: they run in its slot, since it waits for them. */
import * as Effect from "effect/Effect"
import { Job, TaskQueue } from "../services/Queue/index.ts"
import { Invocation } from "./Invocation.ts"

/** Whether this process runs within a running job of `group` in the same store, as the environment of commands says. */
export const isWithin = (group: string) =>
  Effect.gen(function* () {
    const { env } = yield* Invocation
    const queue = yield* TaskQueue
    const id = Job.parseJobId(env.SLUICE_JOB_ID ?? "")
    if (id === undefined || env.SLUICE_GROUP !== group || env.SLUICE_STORE !== queue.store.label) return false
    return yield* queue.get(id).pipe(
      Effect.map(({ state }) => state === "running"),
      Effect.catchTag("JobNotFound", () => Effect.succeed(false))
    )
  })
