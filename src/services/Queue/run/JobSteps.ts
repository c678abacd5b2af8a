/** Where the durable steps of a worker's jobs are kept: with the store's next turn, under the attempt's token. */
import { Effect, Schedule } from "effect"
import { bytesAbove } from "../codec/JsonSize.ts"
import type { JobStore } from "../../Store/JobStore.ts"
import type { StoreTurns } from "../../Store/StoreTurns.ts"
import type { JobSteps } from "../Task.ts"
import type { Attempt } from "./Attempt.ts"

/** While the store does not answer a handler waits; its hard limit ends it. */
const patience = Schedule.spaced("1 second")

export const jobSteps = (
  { attempt, id }: Attempt,
  store: JobStore["Service"],
  turns: StoreTurns["Service"],
  maxBytes: number
): JobSteps => ({
  read: (name) => store.step(id, name).pipe(Effect.retry(patience), Effect.orDie),
  keep: (step, value) =>
    Effect.suspend(() => {
      const bytes = bytesAbove.text(value, maxBytes)
      if (bytes !== undefined) {
        return Effect.die(
          new Error(`What step ${JSON.stringify(step)} made has ${bytes} bytes; at most ${maxBytes} are kept`)
        )
      }
      turns.progress({ id, attempt, step, value })
      return turns.landed
    })
})
