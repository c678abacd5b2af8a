/** Handlers for ThreadPool.test.ts that use Effect; apart from the others, whose threads then need not load it. */
import { Effect, Schema } from "effect"

export const effectful = (payload: number) =>
  Effect.gen(function* () {
    yield* Effect.logWarning("half", "way")
    yield* Effect.sleep("5 millis")
    return payload * 3
  })

export class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", {
  bytes: Schema.Int,
  inner: Schema.Struct({ path: Schema.String })
}) {
  override get message() {
    return `too large: ${this.bytes}`
  }
}
export const effectFails = () => Effect.fail(new TooLarge({ bytes: 5, inner: { path: "/x" } }))
export const effectDies = () => Effect.die(new RangeError("broken"))
export const effectInterrupts = () => Effect.interrupt
export const throwsTagged = () => {
  throw new TooLarge({ bytes: 6, inner: { path: "/y" } })
}
