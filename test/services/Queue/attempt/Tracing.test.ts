import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, References, Schema, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { Task, TaskQueue } from "../../../../src/services/Queue/index.ts"
import { formatTraceParent, parseTraceParent } from "../../../../src/services/Queue/policy/TraceParent.ts"
import * as Testing from "../../../../src/testing/index.ts"

class Broken extends Schema.TaggedError<Broken>()("Broken", {}) {}
const Mail = Task.make("mail", { payload: Schema.Int, error: Broken, group: "post", retry: { times: 1, jitter: 0 } })

/** A tracer that keeps its spans. */
const listening = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, layer: Layer.succeed(Tracer.Tracer, tracer) }
}

describe("traces", () => {
  it.effect("have a span for each enqueue and attempt, of one trace with who enqueued", () => {
    const { layer, spans } = listening()
    const MailLive = Mail.toLayer((kind, { attempt }) =>
      kind === attempt ? Effect.fail(new Broken()) : Effect.withSpan(Effect.void, "inside")
    )
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* Effect.withSpan(queue.enqueue(Mail, 1), "request")
      yield* queue.enqueueMany(Mail, [0, 0])
      yield* Testing.drain()
      const of = (name: string) => spans.filter((span) => span.name === name)
      const [request] = of("request")
      const [one, many] = of("send post")
      const [first, second, ...others] = of("process post").sort((a, b) => Number(a.startTime - b.startTime))
      assert.deepStrictEqual([one!.kind, one!.traceId], ["producer", request!.traceId])
      const attempts = [first!, second!, ...others].filter(({ traceId }) => traceId === request!.traceId)
      assert.deepStrictEqual(
        attempts.map((span) => [
          span.kind,
          span.attributes.get("sluice.job.attempt"),
          span.attributes.get("error.type")
        ]),
        [
          ["consumer", 1, "Broken"],
          ["consumer", 2, undefined]
        ]
      )
      for (const { parent } of attempts) assert.strictEqual(parent._tag === "Some" && parent.value.spanId, one!.spanId)
      assert.strictEqual(many!.attributes.get("messaging.batch.message_count"), 2)
      assert.lengthOf(
        of("process post").filter(({ traceId }) => traceId === many!.traceId),
        2
      )
      assert.include(
        of("inside").map(({ traceId }) => traceId),
        request!.traceId
      )
      assert.deepInclude(Object.fromEntries(attempts[0]!.attributes), {
        "messaging.system": "sluice",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "post",
        "sluice.job.task": "mail",
        "sluice.job.group": "post",
        "sluice.job.priority": 5
      })
    }).pipe(Effect.provide(Testing.layer(MailLive).pipe(Layer.provideMerge(layer))))
  })

  it.effect("go on from a header that the caller gave", () => {
    const { layer, spans } = listening()
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueue(Mail, 0, { headers: { traceparent } })
      yield* queue.enqueue(Mail, 0, { headers: { traceparent: "nonsense" } })
      yield* Testing.drain()
      const traces = spans.filter(({ name }) => name === "process post").map(({ traceId }) => traceId)
      assert.include(traces, "0af7651916cd43dd8448eb211c80319c")
      assert.lengthOf(new Set(traces), 2)
    }).pipe(Effect.provide(Testing.layer(Mail.toLayer(() => Effect.void)).pipe(Layer.provideMerge(layer))))
  })

  it.effect("are not made, and no header is written, while no tracer listens", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* Effect.withSpan(queue.enqueue(Mail, 0), "request")
      assert.isUndefined((yield* job.status).extra?.headers)
    }).pipe(Effect.provide(Testing.layer(Mail.toLayer(() => Effect.void))))
  )
})

describe("a traceparent", () => {
  it("is read back as it was written", () => {
    const context = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true }
    assert.deepStrictEqual(parseTraceParent(formatTraceParent(context)), context)
    assert.deepStrictEqual(parseTraceParent(formatTraceParent({ ...context, sampled: false })), {
      ...context,
      sampled: false
    })
  })

  it("is none when it is not of the form, or says nothing", () => {
    for (const header of [
      undefined,
      "",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
      "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "00-00000000000000000000000000000000-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
      "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
      " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ])
      assert.isUndefined(parseTraceParent(header), String(header))
    assert.isDefined(parseTraceParent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more"))
  })
})

describe("log lines", () => {
  it.effect("of a handler, and of its failed attempts, name job, task and attempt", () => {
    const lines: Array<readonly [string, Readonly<Record<string, unknown>>]> = []
    const logger = Logger.layer([
      Logger.make(
        ({ fiber, message }) => void lines.push([String(message), fiber.getRef(References.CurrentLogAnnotations)])
      )
    ])
    const MailLive = Mail.toLayer(() =>
      Effect.andThen(Effect.annotateLogs(Effect.log("sending"), { host: "a" }), Effect.fail(new Broken()))
    )
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueue(Mail, 0)
      yield* Testing.drain()
      yield* TestClock.adjust("1 second")
      const told = lines.map(([line, annotations]) => [
        line,
        annotations["task"],
        annotations["attempt"],
        annotations["host"]
      ])
      assert.deepStrictEqual(told, [
        ["sending", "mail", 1, "a"],
        ["Attempt 1 of 2 failed, the next is in 1000 ms. Failed: Broken", "mail", 1, undefined],
        ["sending", "mail", 2, "a"],
        ["Gave up after attempt 2 of 2. Failed: Broken", "mail", 2, undefined]
      ])
      assert.lengthOf(new Set(lines.map(([, { job }]) => job)), 1)
    }).pipe(
      Effect.provide(Testing.layer(MailLive).pipe(Layer.provide(logger))),
      Effect.provideService(References.MinimumLogLevel, "Debug")
    )
  })
})
