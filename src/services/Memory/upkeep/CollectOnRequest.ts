/** Collects garbage when an operator asks this process to (`sluice memory gc`). */
import { Effect, type Layer } from "effect"
import { hostname } from "node:os"
import { collectTask } from "../CollectRequest.ts"
import { MemoryGate } from "../MemoryGate.ts"
import type { TaskRegistry } from "../../Queue/TaskRegistry.ts"

/** A handler beside those of the program's tasks. */
export const layer: Layer.Layer<never, never, TaskRegistry> = collectTask(hostname(), process.pid).toLayer(
  Effect.gen(function* () {
    const gate = yield* MemoryGate
    return ({ ifItPays }: { readonly ifItPays: boolean }) => Effect.sync(() => gate.collect(!ifItPays))
  })
)
