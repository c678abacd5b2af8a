/**
 * What tests of a program that uses the queue need (`sluice/testing`). Everything runs on Effect's virtual clock:
 * provide it with `it.effect` of `@effect/vitest`, or with `TestClock.layer()`. Hours of retries pass in milliseconds,
 * and no test sleeps.
 *
 * The queue as it is in production, on a store in memory, with a worker:
 *
 * ```ts
 * it.effect("a resized picture is announced", () =>
 *   Effect.gen(function*() {
 *     const queue = yield* TaskQueue
 *     const events = yield* Testing.recordEvents
 *     const job = yield* queue.enqueue(Resize, { file: "a.png", width: 100 }, { in: "3 hours" })
 *     yield* Testing.drain()
 *     assert.strictEqual((yield* job.status).state, "completed")
 *     assert.deepStrictEqual((yield* events.of("Completed")).map(({ id }) => id), [job.id])
 *   }).pipe(Effect.provide(Testing.layer(Layer.mergeAll(ResizeLive, AnnounceLive)))))
 * ```
 *
 * Or without any waiting, each handler within the call that enqueues its job:
 *
 * ```ts
 * it.effect("signing up sends a letter", () =>
 *   Effect.gen(function*() {
 *     yield* signUp("ada@example.org") // enqueues Letter; a failing handler fails the test here
 *     assert.deepStrictEqual(yield* sentLetters, ["ada@example.org"])
 *   }).pipe(Effect.provide(Testing.layerInline(LetterLive))))
 * ```
 *
 * Handlers in threads and processes run for real: the virtual clock does not wait for them.
 */
export { drain, type DrainOptions, type Drained, type IdleJob, StillLive } from "./Drain.ts"
export { type EventRecorder, recordEvents } from "./EventRecorder.ts"
export { layerInline } from "./InlineQueue.ts"
export { layer, type TestQueueOptions } from "./TestQueue.ts"
export { NotReached, waitFor, type WaitForOptions } from "./WaitFor.ts"
