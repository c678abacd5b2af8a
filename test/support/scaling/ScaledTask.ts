/** What the scaled fleet runs. Takes a while and writes down how long it waited. */
import { Schema } from "effect"
import { ResourceGroup, Task } from "../../../src/services/Queue/index.ts"

export const scaledGroup = "scaled"
/** Slots that a fleet may have in all. */
export const slotsMost = 40

export const Scaled = Task.make("scaled", {
  payload: Schema.Struct({
    ms: Schema.Finite,
    /** When it was enqueued, milliseconds since 1970. */
    at: Schema.Finite
  }),
  group: ResourceGroup.make(scaledGroup, slotsMost),
  retry: "quick"
})
