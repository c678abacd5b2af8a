/** A program with a group per customer: a task each, and how many of their handlers ran at once. */
import { Effect, Layer, Schema } from "effect"
import { Task } from "../../../src/services/Queue/index.ts"

export const customers = (count: number, handler: Effect.Effect<void> = Effect.sleep("1 second")) => {
  const seen = { running: 0, most: 0 }
  const tasks = Array.from({ length: count }, (_, i) =>
    Task.make(`bill-${i}`, { payload: Schema.Int, group: { name: `customer-${i}`, limit: 5 } })
  )
  const handlers = tasks.map((task) =>
    task.toLayer(() =>
      Effect.acquireUseRelease(
        Effect.sync(() => (seen.most = Math.max(seen.most, ++seen.running))),
        () => handler,
        () => Effect.sync(() => seen.running--)
      )
    )
  )
  return { tasks, seen, handlers: Layer.mergeAll(Layer.empty, ...handlers) }
}
