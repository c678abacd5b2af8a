/**
 * What must hold at each door for any value: it is taken or refused with a typed error, on every store alike, and
 * nothing else happens.
 */
import { assert } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Option, Schema, type Scope, Stream } from "effect"
import { Csv } from "effect/encoding"
import { readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as RetryDelay from "../../../src/services/Queue/policy/RetryDelay.ts"
import { OutOfBounds } from "../../../src/services/Queue/policy/Bounds.ts"
import * as Worker from "../../../src/services/Queue/Worker.ts"
import {
  type EnqueueOptions,
  type JobEdit,
  type JobFilter,
  type JobId,
  type JobRecord,
  PredictiveScaler,
  QueueSettings,
  ResourceGroup,
  Sluice,
  StreamProcessor,
  StreamSink,
  StreamSource,
  StreamTask,
  Task,
  TaskQueue
} from "../../../src/services/Queue/index.ts"
import { AlertLayers, Alerts } from "../../../src/services/Alerts/index.ts"
import * as Testing from "../../../src/testing/index.ts"
import { SeededRandom } from "../SeededRandom.ts"
import { queues, temporaryFolder, workingQueues } from "./BothStores.ts"
import { HostileValues } from "./HostileValues.ts"
import { refusedAs } from "./Refused.ts"

type Queue = TaskQueue["Service"]

/** What a door said: the value, or the tags of its typed error. A defect fails the property. */
const said = (asked: () => Effect.Effect<unknown, unknown>, what: () => string) =>
  Effect.map(Effect.exit(Effect.suspend(asked)), (exit) => {
    if (Exit.isSuccess(exit)) return { taken: exit.value, refused: undefined }
    const fail = exit.cause.reasons.find((reason) => reason._tag === "Fail")
    assert.isDefined(fail, `${what()}: ${String(exit.cause)}`)
    const error = (fail as { readonly error: { _tag: string; message: string; reason?: { _tag?: string } } }).error
    assert.isAbove(error.message.length, 0)
    return { taken: undefined, refused: `${error._tag} ${error.reason?._tag ?? ""}` }
  })

/** Of a record what does not differ between stores. */
const comparable = ({ id: _, waitingFor, ...rest }: JobRecord) => ({
  ...rest,
  waitingFor: waitingFor.length
})

const allJobs = (queue: Queue) =>
  Effect.gen(function* () {
    const jobs: Array<JobRecord> = []
    for (let cursor: JobId | undefined; ; ) {
      const page = yield* queue.list({}, { limit: 1000, order: "oldest", ...(cursor !== undefined && { cursor }) })
      jobs.push(...page.jobs)
      if (page.next === undefined) return jobs
      cursor = page.next
    }
  })

const sameJobs = (memory: Queue, sqlite: Queue) =>
  Effect.gen(function* () {
    const [inMemory, inFile] = yield* Effect.all([allJobs(memory), allJobs(sqlite)])
    assert.strictEqual(inFile.length, inMemory.length)
    for (const [i, job] of inMemory.entries()) {
      assert.deepStrictEqual(comparable(inFile[i]!), comparable(job))
      // Whatever was taken can be shown as a time.
      for (const at of [job.due, job.expiresAt ?? 0, job.extra?.deadline ?? 0]) new Date(at).toISOString()
    }
    return inMemory.length
  })

/** The file, closed: whole, and read by a new process as the old one left it. */
const stillReadable = (file: string, jobs: number) =>
  Effect.gen(function* () {
    const database = new DatabaseSync(file)
    assert.deepStrictEqual(
      database
        .prepare("PRAGMA integrity_check")
        .all()
        .map((row) => Object.values(row)),
      [["ok"]]
    )
    database.close()
    const [, reopened] = yield* queues(file)
    assert.strictEqual((yield* allJobs(reopened)).length, jobs)
  }).pipe(Effect.scoped)

const Plain = Task.make("plain", { payload: Schema.Int, success: Schema.Int, group: "network" })

/** Options of an enqueue. Answers how many were taken. */
export const enqueueOptions = (seed: number, values: number): Effect.Effect<number, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const hostile = new HostileValues(new SeededRandom(seed))
    const { random } = hostile
    const file = path.join(yield* temporaryFolder, "jobs.db")
    const ids: [Array<JobId>, Array<JobId>] = [[], []]
    const scopes = ["task", "group", "store"] as const
    const tasks = scopes.flatMap((scope) =>
      ["plain", "pl:ain", "pl"].map((name) =>
        Task.make(`${name}${scope === "task" ? "" : `/${scope}`}`, {
          payload: Schema.Int,
          group: "network",
          unique: { scope, onConflict: random.pick(["existing", "replace", "reject", "debounce", "keepLast"]) }
        })
      )
    )
    const plausible = {
      in: () => random.pick([0, 1.5, "5 seconds", "36500 days"]),
      at: () => random.pick([0, 5.5, 8.64e15, 1e12]),
      group: () => random.pick(["network", "g", "g:h", "x/y"]),
      priority: () => 1 + random.below(10),
      retries: () => random.pick([0, 3, 1_000_000]),
      partitionKey: () => random.pick(["p", "日本", "a:b"]),
      key: () => random.pick(["1", "a:1", "ain:1", "h:1", "network:1", "%3A", "é", "x".repeat(1000)]),
      onConflict: () => random.pick(["reject", "existing", "replace", "debounce", "keepLast"]),
      maxDelay: () => random.pick([0, "1 hour", Number.POSITIVE_INFINITY]),
      retention: () => random.pick(["none", {}, { failed: "none" }, { completed: { age: "1 hour", count: 1 } }]),
      expiresIn: () => random.pick([0, 1000, Number.POSITIVE_INFINITY]),
      deadline: () => random.pick([0, 1.5, 8.64e15]),
      deadlineIn: () => random.pick([0, "1 hour"]),
      deferrable: () => random.pick([false, { deadline: 8.64e15 }, { deadlineIn: "1 hour" }, {}]),
      onParentFailure: () => random.pick(["cancel", "fail", "run"]),
      softLimit: () => random.pick([0, 1.5, Number.POSITIVE_INFINITY]),
      hardLimit: () => random.pick([1, "1 hour", Number.POSITIVE_INFINITY]),
      owner: () => random.pick(["me", "__proto__"]),
      team: () => random.pick(["us", "constructor"]),
      tags: () => random.pick([[], ["a", "a", "b"], ["toString", "日本"]]),
      headers: () => random.pick([{}, { a: "", b: "\ud800" }, JSON.parse('{"__proto__":"x"}')]),
      slots: () => 1,
      rate: () => random.pick([0, 0.5]),
      batchKey: () => "b",
      cacheKey: () => "c"
    }
    const taken = yield* Effect.scoped(
      Effect.gen(function* () {
        const both = yield* queues(file)
        for (let i = 0; i < values; i++) {
          const task = random.pick(tasks)
          const options = hostile.fields(plausible)
          const parent = random.chance(0.1) ? random.below(Math.max(1, ids[0].length)) : -1
          const answers = []
          for (const [s, queue] of both.entries()) {
            const after = parent >= 0 && ids[s]![parent] !== undefined ? { after: [ids[s]![parent]!] } : {}
            const answer = yield* said(
              () => queue.enqueue(task, i, { ...options, ...after } as EnqueueOptions),
              () => `value ${i}, ${Object.keys(options).join()}`
            )
            const handle = answer.taken as { readonly id: JobId; readonly outcome: string } | undefined
            if (handle?.outcome === "created") ids[s]!.push(handle.id)
            answers.push([answer.refused, handle?.outcome])
          }
          assert.deepStrictEqual(answers[1], answers[0], `value ${i}, ${Object.keys(options).join()}`)
        }
        const [memory, sqlite] = both
        const jobs = yield* sameJobs(memory, sqlite)
        assert.strictEqual(jobs, ids[0].length, "what was acknowledged is there, and nothing else")
        for (const queue of both) yield* queue.enqueue(Plain, 1)
        return jobs
      })
    )
    yield* stillReadable(file, taken + 1)
    return taken
  })

/** Payloads and results through tasks of strict and of loose schemas. Answers how many were taken. */
export const payloads = (seed: number, values: number): Effect.Effect<number, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const hostile = new HostileValues(new SeededRandom(seed))
    const { random } = hostile
    const file = path.join(yield* temporaryFolder, "jobs.db")
    const schemas: ReadonlyArray<readonly [Schema.Codec<any, any>, () => unknown]> = [
      [Schema.Any, () => hostile.json()],
      [Schema.Unknown, () => hostile.json()],
      [Schema.Finite, () => hostile.number()],
      [Schema.Number, () => hostile.number()],
      [Schema.String, () => hostile.text()],
      [Schema.BigInt, () => BigInt(random.below(1000)) ** 9n],
      [Schema.Date, () => new Date(hostile.number())],
      [Schema.UndefinedOr(Schema.Finite), () => random.pick([undefined, -0, 1])],
      [Schema.Record(Schema.String, Schema.Finite), () => ({ [hostile.text()]: hostile.number() })],
      [Schema.Record(Schema.String, Schema.Any), () => ({ [hostile.text()]: hostile.json() })],
      [Schema.Array(Schema.Union([Schema.Finite, Schema.String])), () => [hostile.number(), hostile.text()]],
      [
        Schema.Struct({ n: Schema.Finite, s: Schema.String, more: Schema.optionalKey(Schema.Any) }),
        () => ({ n: hostile.number(), s: hostile.text(), more: hostile.any(), beside: 1 })
      ]
    ]
    const tasks = schemas.map(([schema], i) =>
      Task.make(`echo-${i}`, { payload: schema, success: schema, group: "network", retry: "none" })
    )
    const handlers = Layer.mergeAll(
      ...(tasks.map((task) => task.toLayer((payload) => Effect.succeed(payload))) as [Layer.Layer<never, never, never>])
    )
    return yield* Effect.scoped(
      Effect.gen(function* () {
        const both = yield* workingQueues(file, handlers)
        let taken = 0
        for (let done = 0; done < values; ) {
          const batch: Array<{ readonly index: number; readonly ids: Array<JobId> }> = []
          for (let i = 0; i < 200 && done < values; i++, done++) {
            const index = random.below(schemas.length)
            const value = random.chance(0.7) ? schemas[index]![1]() : hostile.any()
            const ids: Array<JobId> = []
            const refusals = []
            for (const queue of both) {
              const answer = yield* said(
                () => queue.enqueue(tasks[index]!, value),
                () => `value ${done} of schema ${index}`
              )
              refusals.push(answer.refused)
              if (answer.taken !== undefined) ids.push((answer.taken as { readonly id: JobId }).id)
            }
            assert.strictEqual(refusals[1], refusals[0], `value ${done} of schema ${index}`)
            if (ids.length > 0) batch.push({ index, ids })
          }
          for (const queue of both) yield* Effect.provideService(Testing.drain(), TaskQueue, queue)
          for (const { ids, index } of batch) {
            const [a, b] = yield* Effect.forEach(both, (queue, s) => queue.job(tasks[index]!, ids[s]!).await)
            assert.deepStrictEqual(b, a)
          }
          taken += batch.length
        }
        yield* sameJobs(both[0], both[1])
        return taken
      })
    )
  })

const badIds = (hostile: HostileValues): JobId =>
  (hostile.random.chance(0.3) ? hostile.number() : hostile.any()) as JobId

/**
 * Filters, changes, ids and controls over a population that stays, but for what they are meant to change. Answers how
 * many were taken.
 */
export const changes = (seed: number, values: number): Effect.Effect<number, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const hostile = new HostileValues(new SeededRandom(seed))
    const { random } = hostile
    const file = path.join(yield* temporaryFolder, "jobs.db")
    const plausible = {
      ids: () => [],
      tasks: () => random.pick([["plain"], [], ["nobody"]]),
      groups: () => random.pick([["network"], ["g"], []]),
      states: () => random.pick([["pending"], ["scheduled", "cancelled"], []]),
      owner: () => "me",
      team: () => "us",
      tag: () => random.pick(["a", "b", "none"]),
      partitionKey: () => "p",
      batchKey: () => "b",
      from: () => random.pick([-8.64e15, 0, 0.5, 8.64e15]),
      to: () => random.pick([-8.64e15, 0, 1, 8.64e15])
    }
    const edits = {
      priority: () => 1 + random.below(10),
      due: () => random.pick([0, 1.5, 8.64e15, 1e9]),
      deadline: () => random.pick([0, 8.64e15]),
      payload: () => random.below(100)
    }
    const taken = yield* Effect.scoped(
      Effect.gen(function* () {
        const both = yield* queues(file)
        const ids: [Array<JobId>, Array<JobId>] = [[], []]
        const fill = (count: number) =>
          Effect.gen(function* () {
            for (let i = 0; i < count; i++) {
              const options: EnqueueOptions = {
                ...(random.chance(0.5) && { tags: [random.pick(["a", "b"])] }),
                ...(random.chance(0.3) && { owner: "me", team: "us" }),
                ...(random.chance(0.3) && { partitionKey: "p", batchKey: "b" }),
                ...(random.chance(0.3) && { in: "1 day" })
              }
              for (const [s, queue] of both.entries()) ids[s]!.push((yield* queue.enqueue(Plain, i, options)).id)
            }
          })
        yield* fill(60)
        let count = 0
        for (let i = 0; i < values; i++) {
          const filter = hostile.fields(plausible, 3) as JobFilter
          const known = random.below(ids[0].length)
          const isKnown = random.chance(0.5)
          const bad = badIds(hostile)
          const edit = hostile.fields(edits, 2) as JobEdit
          const delay = (random.chance(0.5) ? "1 hour" : hostile.any()) as never
          const limit = (random.chance(0.5) ? 5 : hostile.any()) as never
          const group = (random.chance(0.5) ? "network" : hostile.any()) as never
          const page = hostile.fields({ limit: () => 10, order: () => "oldest" }, 2)
          const width = random.chance(0.5) ? 10_000 : hostile.any()
          const kind = random.below(16)
          const ask = (queue: Queue, id: JobId): Effect.Effect<unknown, unknown> => {
            switch (kind) {
              case 0:
                return queue.count(filter)
              case 1:
                return Effect.map(queue.list(filter, page), ({ jobs }) => jobs.length)
              case 2:
                return queue.cancelWhere(filter)
              case 3:
                return queue.retryWhere(filter)
              case 4:
                return Effect.map(queue.get(id), ({ due, priority, state }) => [state, priority, due])
              case 5:
                return Effect.asVoid(queue.explain(id))
              case 6:
                return queue.cancel(id, limit)
              case 7:
                return queue.retry(id)
              case 8:
                return queue.edit(id, edit)
              case 9:
                return queue.snooze(id, delay)
              case 10:
                return Effect.map(queue.logs(id, { limit, after: limit }), ({ lines }) => lines.length)
              case 11:
                return Effect.asVoid(queue.reportProgress(id, 1, limit))
              case 12:
                return Effect.map(queue.setLimit(group, limit), (record) => record.limit)
              case 13:
                return Effect.andThen(queue.pause(group), queue.resume(group))
              case 14:
                return Effect.map(queue.place(id), (place) => place?.ahead)
              default:
                return Effect.map(
                  queue.rollUps({ width: width as never, from: 0, to: limit, group }),
                  (found) => found.length
                )
            }
          }
          const answers = []
          for (const [s, queue] of both.entries())
            answers.push(
              yield* said(
                () => ask(queue, isKnown ? ids[s]![known]! : bad),
                () => `value ${i}, kind ${kind}`
              )
            )
          assert.deepStrictEqual(answers[1], answers[0], `value ${i}, kind ${kind}`)
          if (answers[0]!.refused === undefined) count++
        }
        for (const queue of both) yield* queue.setLimit("network", null)
        assert.strictEqual(yield* sameJobs(both[0], both[1]), ids[0].length, "nothing was lost")
        return { count, jobs: ids[0].length }
      })
    )
    yield* stillReadable(file, taken.jobs)
    return taken.count
  })

/** Definitions: tasks, groups, settings, workers. What is taken works on both stores. Answers how many were taken. */
export const definitions = (seed: number, values: number): Effect.Effect<number, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const hostile = new HostileValues(new SeededRandom(seed))
    const { random } = hostile
    const file = path.join(yield* temporaryFolder, "jobs.db")
    const retry = () =>
      random.pick([
        "quick",
        "none",
        hostile.fields(
          {
            times: () => 3,
            firstMs: () => 5,
            factor: () => 2,
            stepMs: () => 5,
            capMs: () => 1000,
            jitter: () => 0.5,
            delayMs: () => () => hostile.number()
          },
          3
        )
      ])
    const options = {
      group: () => random.pick(["g", "a:b", ResourceGroup.make("own", 5)]),
      priority: () => 1 + random.below(10),
      retry,
      softLimit: () => random.pick([0, Number.POSITIVE_INFINITY, "1 minute"]),
      hardLimit: () => random.pick([1.5, Number.POSITIVE_INFINITY]),
      expiresIn: () => random.pick([1000, Number.POSITIVE_INFINITY]),
      deadlineIn: () => "1 hour",
      deferrable: () => hostile.fields({ deadlineIn: () => "1 hour" }, 1),
      unique: () => hostile.fields({ scope: () => "group", onConflict: () => "reject", window: () => 5 }, 2),
      retention: () =>
        hostile.fields(
          { completed: () => "none", failed: () => hostile.fields({ age: () => 5, count: () => 1 }, 2) },
          2
        ),
      suspendedFor: () => "8 hours",
      retryable: () => () => false,
      idempotencyKey: () => (payload: unknown) => String(payload),
      batch: () =>
        hostile.fields(
          {
            maxBatchSize: () => 10,
            maxWaitTime: () => 5,
            tune: () => random.pick([true, hostile.fields({ latencyTarget: () => "1 second" }, 1)]),
            groupBy: () => (payload: unknown) => String(payload),
            process: () => () => Effect.void
          },
          2
        )
    }
    const settings = {
      lease: () => "5 seconds",
      sweepInterval: () => "1 second",
      pollInterval: () => "20 millis",
      grace: () => 0,
      ageingStepMs: () => 0,
      retry: () => ({ ...RetryDelay.standard, ...hostile.fields({ times: () => 1 }, 2) }),
      hardLimit: () => Number.POSITIVE_INFINITY,
      maxPayloadBytes: () => 1000,
      retention: () => ({ ...QueueSettings.defaults.retention, failed: { ageMs: hostile.number(), count: 1 } })
    }
    const worker = {
      name: () => "w",
      threads: () => 2,
      totalSlots: () => 10,
      slots: () => hostile.fields({ network: () => 5, "*": () => 0, g: () => ({ min: 0, max: hostile.number() }) }, 3)
    }
    return yield* Effect.scoped(
      Effect.gen(function* () {
        const both = yield* queues(file)
        let taken = 0
        for (let i = 0; i < values; i++) {
          const kind = random.below(4)
          if (kind === 1) {
            const given = { ...QueueSettings.defaults, ...hostile.fields(settings, 2) }
            if (refusedAs(() => QueueSettings.check(given as never), OutOfBounds) === undefined) taken++
            continue
          }
          if (kind === 2) {
            if (refusedAs(() => Worker.checkOptions(hostile.fields(worker, 2) as never), OutOfBounds) === undefined)
              taken++
            continue
          }
          if (kind === 3) {
            const name = (random.chance(0.5) ? "g" : hostile.any()) as string
            const limit = (random.chance(0.5) ? 5 : hostile.any()) as number
            if (refusedAs(() => ResourceGroup.make(name, limit), OutOfBounds) === undefined) taken++
            continue
          }
          const given = { payload: Schema.Int, ...hostile.fields(options, 3) }
          const name = random.chance(0.9) ? random.pick(["t", "a:b"]) : hostile.text()
          let task: Task.AnyTask | undefined
          const refused = refusedAs(() => {
            task = Task.make(name, given as never) as Task.AnyTask
          }, Task.InvalidTask)
          if (refused !== undefined) continue
          taken++
          const policy = task!.retry ?? RetryDelay.standard
          for (const attempt of [1, 2, 50]) {
            const delay = RetryDelay.retryDelay(policy, attempt, random.next(), 0)
            assert.isTrue(Number.isSafeInteger(delay) && delay >= 0, `a delay of ${delay}`)
          }
          if (random.chance(0.2)) {
            const [inMemory, inFile] = yield* Effect.forEach(both, (queue) =>
              said(
                () => queue.enqueue(task!, 1),
                () => `value ${i}`
              )
            )
            assert.strictEqual(inFile!.refused, inMemory!.refused)
          }
        }
        yield* sameJobs(both[0], both[1])
        return taken
      })
    )
  })

/** Scale events, settings and horizons; alert rules and silences. Answers how many were taken. */
export const controls = (seed: number, values: number): Effect.Effect<number, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const hostile = new HostileValues(new SeededRandom(seed))
    const { random } = hostile
    const services = Sluice.layerPredictiveScaler.pipe(
      Layer.provideMerge(AlertLayers.layer),
      Layer.provideMerge(Sluice.layerMemory())
    )
    return yield* Effect.scoped(
      Effect.gen(function* () {
        const context = yield* Layer.build(services)
        const scaler = Context.get(context, PredictiveScaler)
        const alerts = Context.get(context, Alerts)
        const when = () =>
          random.chance(0.5)
            ? {
                _tag: "Once",
                from: random.pick([0, 1, hostile.number()]),
                to: random.pick([8.64e15, hostile.number()])
              }
            : {
                _tag: "Recurring",
                cron: random.chance(0.7)
                  ? Array.from({ length: 5 }, () => random.pick(["*", "0", "30", "1-5", "*/7", "2", "L"])).join(" ")
                  : hostile.text(),
                timeZone: random.pick(["UTC", "Europe/Vienna", "Nowhere/Land", ""]),
                durationMs: random.pick([1000, 3_600_000, hostile.number()])
              }
        const event = {
          id: () => random.pick(["e", "a:b"]),
          group: () => random.pick(["*", "network"]),
          when,
          load: () => ({ _tag: "Factor", factor: random.pick([2, hostile.number()]) }),
          note: () => hostile.text()
        }
        const rule = {
          name: () => "r",
          metric: () => random.pick(["backlog", "wait_p95", "memory_pressure", "nothing"]),
          subject: () => random.pick(["network", "*"]),
          threshold: () => random.pick([1, 0.5, hostile.number()]),
          resolveAt: () => hostile.number(),
          forMs: () => random.pick([0, hostile.number()]),
          severity: () => "critical"
        }
        const silence = {
          rule: () => "*",
          subject: () => "*",
          forMs: () => random.pick([1000, hostile.number()]),
          by: () => hostile.text(),
          why: () => hostile.text()
        }
        let taken = 0
        for (let i = 0; i < values; i++) {
          const kind = random.below(6)
          const given = hostile.any() as never
          const whole = <A>(of: Readonly<Record<string, () => unknown>>): A =>
            ({
              ...Object.fromEntries(Object.entries(of).map(([name, make]) => [name, make()])),
              ...(random.chance(0.4) && hostile.fields(of, 1))
            }) as A
          const answer = yield* said(
            () => {
              switch (kind) {
                case 0:
                  return scaler.putEvent(whole(event))
                case 1:
                  return scaler.putEvent(given)
                case 2:
                  return scaler.set(
                    "network",
                    hostile.fields({ minSlots: () => 1, maxSlots: () => 5, waitMs: () => 5 }, 2)
                  )
                case 3:
                  return scaler.predictLoad(
                    random.chance(0.7) ? "network" : given,
                    random.chance(0.5) ? "5 minutes" : given
                  )
                case 4:
                  return alerts.putRule(whole(rule))
                default:
                  return alerts.silence(whole(silence))
              }
            },
            () => `value ${i}, kind ${kind}`
          )
          if (answer.refused === undefined) taken++
        }
        // What was taken is read again by who acts on it.
        for (const { when } of yield* scaler.events)
          if (when._tag === "Once") for (const at of [when.from, when.to]) new Date(at).toISOString()
        yield* scaler.scalePreemptively
        yield* alerts.look("me")
        assert.isNotEmpty(yield* scaler.events)
        assert.isNotEmpty(yield* alerts.silences)
        return taken
      })
    )
  })

/**
 * CSV in any chunking, as a file and as bytes: the same records as its reader finds in the whole. Answers how many
 * cells of `values` were in files that were taken.
 */
export const streams = (seed: number, values: number): Effect.Effect<number, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { random } = new HostileValues(new SeededRandom(seed))
    const folder = yield* temporaryFolder
    const Row = StreamTask.make("row", {
      item: Schema.Struct({ a: Schema.String, b: Schema.String }),
      output: Schema.Unknown,
      retry: "none"
    })
    const main = Sluice.layerStreams.pipe(
      Layer.provideMerge(Sluice.layerWorker()),
      Layer.provide(Row.toLayer((rows) => Effect.succeed(rows))),
      Layer.provideMerge(Sluice.layerMemory())
    )
    const cells = [
      "1",
      "",
      " ",
      "x y",
      '"q"',
      '"a\nb"',
      '"c\r\nd"',
      '"e""f"',
      '"g,h"',
      "é",
      "日本",
      "\0",
      "\ufeff",
      "=1"
    ]
    const text = () => {
      const ends = ["\n", "\r\n", "\r"]
      const blanks = Array.from({ length: random.below(3) }, () => random.pick(ends)).join("")
      const rows = Array.from({ length: random.below(20) }, () =>
        random.chance(0.2) ? "" : `${random.pick(cells)},${random.pick(cells)}`
      )
      return {
        given: `${random.pick(["", "\ufeff"])}${blanks}a,"b"${random.pick(ends)}${rows.map((row) => `${row}${random.pick(ends)}`).join("")}`,
        cellsGiven: 2 + 2 * rows.filter((row) => row !== "").length
      }
    }
    return yield* Effect.gen(function* () {
      const processor = yield* (yield* StreamProcessor).create({ chunkSize: 1 + random.below(4) })
      let taken = 0
      for (let i = 0, asked = 0; asked < values; i++) {
        const { cellsGiven, given } = text()
        asked += cellsGiven
        const file = path.join(folder, `${i}.csv`)
        writeFileSync(file, given)
        const blocks = Stream.fromIterable(Buffer.from(given)).pipe(
          Stream.grouped(1 + random.below(9)),
          Stream.map((bytes) => Uint8Array.from(bytes))
        )
        const reference = yield* Stream.make(given).pipe(
          Stream.pipeThroughChannel(Csv.decodeString({ headers: true, ignoreEmptyLines: true })),
          Stream.runCollect,
          Effect.map((rows) => rows.map(({ a, b }) => ({ a, b }))),
          Effect.option
        )
        for (const [kind, source] of [StreamSource.csvFile(file), StreamSource.csv(blocks)].entries()) {
          const sink = path.join(folder, `${i}.${kind}`)
          const ran = yield* Effect.exit(
            processor.run({ name: `s${i}.${kind}`, task: Row, source, sink: StreamSink.ndjsonFile(sink) })
          )
          if (Option.isNone(reference)) assert.isTrue(Exit.isFailure(ran), JSON.stringify(given))
          else {
            assert.isTrue(Exit.isSuccess(ran), JSON.stringify([given, String(ran)]))
            const lines = readFileSync(sink, "utf8")
              .split("\n")
              .filter((line) => line !== "")
            assert.deepStrictEqual(
              lines.map((line) => JSON.parse(line) as unknown),
              reference.value,
              JSON.stringify(given)
            )
          }
        }
        if (Option.isSome(reference)) taken += cellsGiven
      }
      return Math.min(taken, values)
    }).pipe(Effect.provide(main))
  })
