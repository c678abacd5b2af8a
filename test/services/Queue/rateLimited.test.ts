import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { RateLimited } from "../../../src/services/Limits/RateLimited.ts"
import { longestPutOffMs } from "../../../src/services/Limits/policy/PutOff.ts"
import { ShellTask, Sluice, Task, TaskQueue, type TaskRegistry } from "../../../src/services/Queue/index.ts"
import { attemptEnd, type EndPolicy } from "../../../src/services/Queue/run/AttemptEnd.ts"
import { endOfRefused, refusalIn } from "../../../src/services/Queue/run/Refusals.ts"
import { standard } from "../../../src/services/Queue/policy/RetryDelay.ts"
import type { ClaimedJob } from "../../../src/services/Store/Turn.ts"
import * as Testing from "../../../src/testing/index.ts"

const withHandlers = (handlers: Layer.Layer<never, never, TaskRegistry>) => Effect.provide(Testing.layer(handlers))

const Mail = Task.make("mail", { payload: Schema.Int, success: Schema.Int, retry: "none" })

describe("a job that the other side refuses", () => {
  it.effect("is put off until it said, no attempt spent, and its log says so", () => {
    const startedAt: Array<number> = []
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const begun = yield* Clock.currentTimeMillis
      const job = yield* queue.enqueue(Mail, 1)
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* job.status, { state: "scheduled", attempt: 0, failure: undefined, due: begun + 30_000 })
      const { lines } = yield* queue.logs(job.id, { after: 0, limit: 10 })
      assert.match(lines[0]!.message, /^The other side takes no more before 1970-01-01T00:00:30.000Z/)
      yield* Testing.drain()
      assert.strictEqual(yield* job.await, 1)
      assert.deepStrictEqual(startedAt, [begun, begun + 30_000])
    }).pipe(
      withHandlers(
        Mail.toLayer(
          Effect.fnUntraced(function* (_, job) {
            startedAt.push(yield* Clock.currentTimeMillis)
            if (startedAt.length === 1) return yield* Effect.fail(new RateLimited({ retryAfter: "30 seconds" }))
            return job.attempt
          })
        )
      )
    )
  })

  it.effect("is told to those who listen, with until when", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const recorder = yield* Testing.recordEvents
      const job = yield* queue.enqueue(Mail, 1, { partitionKey: "customer-1" })
      yield* TestClock.adjust("1 second")
      const held = yield* recorder.of("LimitHeldBack")
      assert.deepInclude(held[0], { id: job.id, task: "mail", key: "customer-1", until: 60_000 })
    }).pipe(
      Effect.scoped,
      withHandlers(Mail.toLayer(() => Effect.fail(new RateLimited({ retryAfter: new Date(60_000) }))))
    )
  )

  it.effect("spends an attempt by each refusal once that has gone on for a week, wherever it runs", () =>
    Effect.gen(function* () {
      const kept = new Map<string, string>()
      const steps: Task.JobSteps = {
        read: (name) => Effect.sync(() => kept.get(name)),
        keep: (name, value) => Effect.sync(() => kept.set(name, value))
      }
      const refusal = new RateLimited({ retryAfter: "1 hour" })
      const endAt = (now: number) => Effect.exit(endOfRefused(refusal, steps, now))
      const begun = 1_700_000_000_000
      for (const now of [begun, begun + 1_000, begun + longestPutOffMs])
        assert.strictEqual(refusalIn(yield* endAt(now)), refusal)
      const now = begun + longestPutOffMs + 1
      const exit = yield* endAt(now)
      const job = { attempt: 1, maxAttempts: 2 } as ClaimedJob
      const policy = { retry: standard, now: () => now, random: () => 0.5 } as EndPolicy
      const again = attemptEnd(exit, job, undefined, policy)
      assert.deepInclude(again, { outcome: "retry", due: now + 3_600_000 })
      assert.match(again.failure!.message, /has refused it again and again since 2023-11-14T22:13:20.000Z/)
      assert.strictEqual(attemptEnd(exit, { ...job, attempt: 2 }, undefined, policy).outcome, "failed")
    })
  )

  it.effect("puts its whole batch off where the call says so, itself alone where its item does", () => {
    const Together = Task.make("together", { payload: Schema.Int, retry: "none", batch: { maxBatchSize: 3 } })
    let calls = 0
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const jobs = yield* queue.enqueueMany(Together, [1, 2, 3])
      const states = Effect.forEach(jobs, (job) =>
        Effect.map(job.status, ({ attempt, due, state }) => ({ attempt, due, state }))
      )
      yield* TestClock.adjust("1 second")
      for (const each of yield* states) assert.deepStrictEqual(each, { state: "scheduled", attempt: 0, due: 60_000 })
      assert.strictEqual(calls, 1)
      yield* TestClock.adjust("60 seconds")
      assert.deepStrictEqual(
        (yield* states).map(({ attempt, state }) => [state, attempt]),
        [
          ["completed", 1],
          ["scheduled", 0],
          ["completed", 1]
        ]
      )
    }).pipe(
      withHandlers(
        Together.toBatchLayer((items) => {
          const refused = new RateLimited({ retryAfter: new Date(60_000) })
          if (calls++ === 0) return Effect.fail(refused)
          const again = Exit.fail(new RateLimited({ retryAfter: "1 day" }))
          return Effect.succeed(items.map(({ payload }) => (payload === 2 ? again : Exit.void)))
        })
      )
    )
  })

  it.live(
    "says so from a thread, as this error or as plain data, and a command by exit code 75 and its last line",
    () => {
      const module = new URL("../../support/queue/refused.ts", import.meta.url)
      const Thread = Task.make("thread", { payload: Schema.Void, retry: "none" })
      const Plain = Task.make("plain", { payload: Schema.Void, retry: "none" })
      const handlers = Layer.mergeAll(
        Thread.toThreadLayer({ module, export: "effect" }),
        Plain.toThreadLayer({ module, export: "plain" }),
        Sluice.layerShell(ShellTask.shell)
      )
      const shell = (script: string) => ({
        command: ["sh", "-c", script] as const,
        cwd: "/",
        env: { PATH: process.env["PATH"] ?? "" },
        umask: 0o022
      })
      return Effect.gen(function* () {
        const queue = yield* TaskQueue
        const before = yield* Clock.currentTimeMillis
        const jobs = [
          yield* queue.enqueue(Thread, undefined),
          yield* queue.enqueue(Plain, undefined, { group: "network" }),
          yield* queue.enqueue(ShellTask.shell, shell("echo busy >&2; echo Retry-After: 3600 >&2; exit 75"), {
            group: "filesystem"
          })
        ]
        for (const job of jobs) yield* queue.waitFor(job.id, ["scheduled", "failed", "completed"])
        for (const job of jobs) {
          const { attempt, due, failure, state } = yield* job.status
          assert.deepStrictEqual([state, attempt, failure], ["scheduled", 0, undefined])
          assert.isAtLeast(due, before + 3_600_000)
          assert.isAtMost(due, before + 3_660_000)
        }
        const said = yield* Effect.forEach(
          ["exit 75", "echo Retry-After: soon >&2; exit 75", "echo Retry-After: 9 >&2; exit 1"],
          (script) => queue.enqueue(ShellTask.shell, shell(script), { retries: 0, group: "memory-intensive" })
        )
        for (const job of said) assert.strictEqual((yield* queue.waitFor(job.id)).state, "failed")
      }).pipe(
        Effect.scoped,
        Effect.provide(Sluice.layerWorker().pipe(Layer.provide(handlers), Layer.provideMerge(Sluice.layerMemory())))
      )
    }
  )
})
