/** The error an enqueue fails with while memory is short. */
import type { MemoryRefusal } from "../MemoryGate.ts"
import { EnqueueError, MemoryShort } from "../../Queue/TaskQueue.ts"

const MiB = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`

const whose = { heap: "of its heap", container: "of its container's memory", machine: "of the machine's memory" }

/**
 * One error for a refusal however often it is given out: making one captures a stack, and refusals come in thousands a
 * second.
 */
const errors = new WeakMap<MemoryRefusal, EnqueueError>()

export const memoryShort = (refusal: MemoryRefusal): EnqueueError => {
  const made = errors.get(refusal)
  if (made !== undefined) return made
  const { limitBytes, nearest, retryAfterMs, usedBytes } = refusal
  const error = new EnqueueError({
    reason: new MemoryShort({
      message: `This process uses ${MiB(usedBytes)} of ${MiB(limitBytes)} ${whose[nearest]} and takes in no more jobs for now; try again in ${retryAfterMs} ms`,
      nearest,
      usedBytes,
      limitBytes,
      retryAfterMs
    })
  })
  errors.set(refusal, error)
  return error
}
