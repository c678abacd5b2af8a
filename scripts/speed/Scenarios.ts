/**
 * What the speed check measures of a source tree, as tasks of `sluice profile check`: they drive the tree's public API
 * and answer the CPU time per job of each stage, in microseconds. A job is one slice of every stage, about a
 * millisecond each, so that the slices of both trees lie close.
 *
 * Trees are loaded beside the command line that measures them, not as a part of it, so that both stand to it alike;
 * each with the `effect` it is locked to.
 */
import { Effect, Layer, Schema } from "effect"
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { Task } from "../../src/services/Queue/index.ts"
import type { Turn } from "../../src/services/Queue/index.ts"

/** A source tree: its `src/index.ts`, and the `effect` beside it. */
export interface Tree {
  readonly sluice: typeof import("../../src/index.ts")
  readonly effect: typeof import("effect")
}

type Costs = Readonly<Record<string, number>>

/** Runs one slice of each of its stages. */
type Slice = () => Promise<Costs>

/** CPU time of this process, in microseconds. */
const cpu = (): number => {
  const { system, user } = process.cpuUsage()
  return user + system
}

const many = <A>(count: number, make: (index: number) => A): ReadonlyArray<A> =>
  Array.from({ length: count }, (_, i) => make(i))

const group = "speed"

const mail = (index: number) => ({ index, to: "user@example.com", text: "x".repeat(150) })

/** About a kilobyte of JSON, eight rows deep. */
const order = (id: number) => ({
  id,
  at: "2026-01-01T00:00:00Z",
  customer: { name: "Ada Lovelace", email: "ada@example.org", address: ["1 High Street", "London", "W1"] },
  lines: many(8, (k) => ({ sku: `sku-${k}`, quantity: k + 1, price: 9.75 * k, tags: ["a", "b", "new"] })),
  total: 123.45
})

const tasksOf = ({ effect: { Schema }, sluice: { ResourceGroup, Task } }: Tree) => {
  const limited = ResourceGroup.make(group, 1_000_000)
  const Line = Schema.Struct({
    sku: Schema.String,
    quantity: Schema.Int,
    price: Schema.Finite,
    tags: Schema.Array(Schema.String)
  })
  return {
    Mail: Task.make("mail", {
      payload: Schema.Struct({ index: Schema.Int, to: Schema.String, text: Schema.String }),
      success: Schema.Int,
      group: limited
    }),
    Order: Task.make("order", {
      payload: Schema.Struct({
        id: Schema.Int,
        at: Schema.String,
        customer: Schema.Struct({ name: Schema.String, email: Schema.String, address: Schema.Array(Schema.String) }),
        lines: Schema.Array(Line),
        total: Schema.Finite
      }),
      success: Schema.Struct({ id: Schema.Int, lines: Schema.Array(Line) }),
      group: limited
    })
  }
}

type QueueLayer = ReturnType<Tree["sluice"]["Sluice"]["layerMemory"]>

const nothingKept = { ageMs: 0, count: 0 }
const emptyTurn: Turn = {
  now: 0,
  session: 0,
  settle: [],
  enqueue: [],
  batches: undefined,
  claim: [],
  progress: [],
  logs: []
}

/** Jobs of a slice of the store. */
const jobs = 100

/** Enqueue, claim and settle apart: through the queue, then as turns of a session that no worker serves. */
const stages = async (tree: Tree, layer: QueueLayer): Promise<Slice> => {
  const { Effect, ManagedRuntime } = tree.effect
  const { JobStore, TaskQueue, WorkerRegistry } = tree.sluice
  const { Mail } = tasksOf(tree)
  const runtime = ManagedRuntime.make(layer)
  const payloads = many(jobs, mail)
  const session = await runtime.runPromise(
    // Trees of before the contract was cut have all of it in their JobStore.
    (WorkerRegistry ?? JobStore).use((registry) =>
      registry.join(
        { name: "speed", host: "speed", pid: process.pid, version: "0", slots: {}, tasks: [Mail.name] },
        { now: Date.now(), leaseMs: 86_400_000 }
      )
    )
  )
  const slice = Effect.gen(function* () {
    const queue = yield* TaskQueue
    const store = yield* JobStore
    const start = cpu()
    yield* queue.enqueueMany(Mail, payloads)
    const enqueued = cpu()
    const now = Date.now()
    const { jobs: claimed } = yield* store.turn({ ...emptyTurn, now, session, claim: [{ group, limit: jobs }] })
    const held = cpu()
    const settle = claimed.map(({ attempt, id }) => ({
      id,
      attempt,
      outcome: "completed" as const,
      result: store.traits.payloads === "text" ? "1" : 1,
      failure: undefined,
      due: 0,
      rank: 0,
      runMs: 0.01
    }))
    const settling = cpu()
    const { lost } = yield* store.turn({ ...emptyTurn, now, session, settle })
    const settled = cpu()
    if (claimed.length !== jobs || lost !== undefined)
      throw new Error(`only ${claimed.length} of ${jobs} jobs were run`)
    // The store stays as small as it was at first.
    yield* store.prune(
      { completed: nothingKept, failed: nothingKept, cancelled: nothingKept },
      { now: now + 60_000, limit: jobs }
    )
    return {
      enqueue: (enqueued - start) / jobs,
      claim: (held - enqueued) / jobs,
      settle: (settled - settling) / jobs
    }
  })
  return () => runtime.runPromise(slice)
}

/** So many jobs through a worker, their results awaited. */
const endToEnd = (tree: Tree, layer: QueueLayer, which: "Mail" | "Order", jobs: number): Slice => {
  const { Effect, Layer, ManagedRuntime } = tree.effect
  const { Sluice, TaskQueue } = tree.sluice
  const { Mail, Order } = tasksOf(tree)
  const handlers = Layer.merge(
    Mail.toLayer(({ index }) => Effect.succeed(index)),
    Order.toLayer(({ id, lines }) => Effect.succeed({ id, lines }))
  )
  const runtime = ManagedRuntime.make(
    Sluice.layerWorker({ slots: { "*": 100 } }).pipe(Layer.provideMerge(handlers), Layer.provideMerge(layer))
  )
  const mails = many(jobs, mail)
  const orders = many(jobs, order)
  const slice = Effect.gen(function* () {
    const queue = yield* TaskQueue
    const start = cpu()
    if (which === "Mail") yield* queue.runMany(Mail, mails)
    else yield* queue.runMany(Order, orders)
    return { [which]: (cpu() - start) / jobs }
  })
  return () => runtime.runPromise(slice)
}

/** The memory store, but payloads and results rest as JSON text: what is left of a job's cost is its encoding. */
const textLayer = ({ effect: { Effect, Layer }, sluice: { JobStore, Sluice } }: Tree): QueueLayer =>
  Sluice.layer.pipe(
    Layer.provideMerge(
      Layer.effect(
        JobStore,
        JobStore.use((store) => Effect.succeed({ ...store, traits: { ...store.traits, payloads: "text" as const } }))
      ).pipe(Layer.provideMerge(Layer.fresh(Sluice.layerMemory())))
    )
  )

/** In memory where the system has such a folder: the disk's share would be noise. */
const temporaryFolder = (): string => {
  let parent = "/dev/shm"
  try {
    accessSync(parent, constants.W_OK)
  } catch {
    parent = tmpdir()
  }
  const folder = mkdtempSync(path.join(parent, "sluice-speed-"))
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const Figures = Schema.Record(Schema.String, Schema.Finite)

/** Stages of the SQLite store, on the caller's thread: `enqueue`, `claim`, `settle`. */
export const Sqlite = Task.make("sqlite", { payload: Schema.Null, success: Figures })

/** `memory path` (enqueue to awaited result) and `encode` (schemas and JSON, both ways). */
export const Memory = Task.make("memory", { payload: Schema.Null, success: Figures })

/** Opened by the first job. */
const lazily = (open: () => Promise<Slice>) => {
  let slice: Promise<Slice> | undefined
  return () =>
    Effect.promise(async () => {
      slice ??= open()
      return (await slice)()
    })
}

/** The handlers that measure a tree. */
export const scenarios = (tree: Tree) => {
  const { Sluice } = tree.sluice
  return Layer.merge(
    Sqlite.toLayer(
      lazily(() =>
        stages(
          tree,
          Sluice.layerSqlite({ path: path.join(temporaryFolder(), "queue.db"), thread: false }) as QueueLayer
        )
      )
    ),
    Memory.toLayer(
      lazily(async () => {
        const whole = endToEnd(tree, Sluice.layerMemory(), "Mail", 500)
        const encode = endToEnd(tree, textLayer(tree), "Order", 50)
        return async () => ({
          "memory path": (await whole()).Mail!,
          encode: (await encode()).Order!
        })
      })
    )
  )
}
