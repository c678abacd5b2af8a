import * as Effect from "effect/Effect"
import type { GroupPolicy } from "../../services/Limits/index.ts"
import { TaskQueue } from "../../services/Queue/index.ts"

/** What is in force of a group. */
export const policyInForce = (group: string) =>
  Effect.map(
    TaskQueue.use((queue) => queue.stats),
    ({ groups }): GroupPolicy => groups.find(({ name }) => name === group)?.policy ?? {}
  )
