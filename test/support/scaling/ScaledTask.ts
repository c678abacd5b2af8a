/** What the scaled fleet runs. Takes a while without CPU, and writes down how long it waited. */
import { Schema } from "effect"
import { ResourceGroup, Task } from "../../../src/services/Queue/index.ts"

export const scaledGroup = "scaled"
/** Slots that a fleet may have in all, and those of one process. */
export const slotsMost = 40
export const slotsOfProcess = 5
export const processesMost = slotsMost / slotsOfProcess

export const Scaled = Task.make(scaledGroup, {
  payload: Schema.Struct({
    /** Of the run, from 0: an enqueue whose answer was lost is safe to repeat. */
    number: Schema.Int,
    ms: Schema.Finite,
    /** When it was enqueued, milliseconds since 1970. */
    at: Schema.Finite
  }),
  idempotencyKey: ({ number }) => String(number),
  unique: { window: "1 day" },
  group: ResourceGroup.make(scaledGroup, slotsMost),
  retry: "quick"
})
