/**
 * Tasks that really compute, wait, read and hoard, through a real worker: where they end up, and what measuring costs.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Schedule, Schema } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { open } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { threadId } from "node:worker_threads"
import {
  Placement,
  placementDefaults,
  Placements,
  PlacementSettings,
  Sluice,
  Task,
  TaskQueue
} from "../../../src/services/Queue/index.ts"

const mebibyte = 1024 ** 2

const Compute = Task.make("compute", { payload: Schema.Int, success: Schema.Struct({ thread: Schema.Int }) })
const Fetch = Task.make("fetch", { payload: Schema.String })
const Read = Task.make("read", { payload: Schema.String })
const Hoard = Task.make("hoard", { payload: Schema.Int })
const Declared = Task.make("declared", { payload: Schema.String, group: "computation" })

/**
 * Shared by all that read: to fill megabytes with zeros for each would be computing, as much as the reading of a cached
 * file is waiting.
 */
const block = Buffer.alloc(4 * mebibyte)

const fetching = (url: string) => Effect.promise(async () => void (await (await fetch(url)).text()))

const handlers = Layer.mergeAll(
  Compute.toThreadLayer({ module: new URL("../../support/queue/crunch.ts", import.meta.url), when: "computing" }),
  Fetch.toLayer(fetching),
  Declared.toLayer(fetching),
  Read.toLayer((file) =>
    Effect.promise(async () => {
      const handle = await open(file)
      for (let at = 0; at < 32 * mebibyte; at += block.length) await handle.read(block, 0, block.length, at)
      await handle.close()
    })
  ),
  Hoard.toLayer((mebibytes) =>
    Effect.promise(async () => {
      // Not touched: what is measured is what is held, and pages cost time.
      const kept = Buffer.allocUnsafeSlow(mebibytes * mebibyte)
      await new Promise((resume) => setTimeout(resume, 20))
      kept[0] = 1
    })
  )
)

const listening = (server: Server) =>
  new Promise<string>((resume) =>
    server.listen(0, "127.0.0.1", () => resume(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`))
  )

/** A server that takes its time, and a file. */
const world = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = createServer((_, response) => setTimeout(() => response.end("x"), 100))
    const folder = mkdtempSync(path.join(tmpdir(), "sluice-placements-"))
    const file = path.join(folder, "data")
    writeFileSync(file, Buffer.alloc(32 * mebibyte))
    return { server, folder, file, url: await listening(server) }
  }),
  ({ folder, server }) =>
    Effect.sync(() => {
      server.closeAllConnections()
      server.close()
      rmSync(folder, { recursive: true })
    })
)

const layer = Sluice.layerWorker().pipe(
  Layer.provideMerge(handlers),
  Layer.provideMerge(Sluice.layerMemory()),
  Layer.provide(Layer.succeed(PlacementSettings, { ...placementDefaults, every: Duration.seconds(1) }))
)

describe("tasks without a group", () => {
  it.live(
    "go where they were measured to belong; what computes leaves the event loop, what is declared is advised",
    () =>
      Effect.gen(function* () {
        const { file, url } = yield* world
        const queue = yield* TaskQueue
        const placements = yield* Placements
        const times = <A>(count: number, value: A) => Array.from({ length: count }, () => value)
        // One kind after the other, so that none waits for another's turn on the event loop.
        const rounds = Effect.gen(function* () {
          yield* queue.runMany(Compute, times(8, 20))
          yield* queue.runMany(Fetch, times(8, url))
          yield* queue.runMany(Declared, times(8, url))
          yield* queue.runMany(Read, times(8, file))
          yield* queue.runMany(Hoard, times(8, 100))
        })
        let known: ReadonlyArray<Placement.Placement> = []
        while (known.length < 5 || known.some(({ fit }) => fit === null)) {
          yield* rounds
          known = yield* placements.all
        }
        console.table(
          known.map((placement) => ({ task: placement.task, fit: placement.fit, why: Placement.because(placement) }))
        )
        const fits = Object.fromEntries(known.map(({ fit, task }) => [task, fit]))
        assert.deepStrictEqual(fits, {
          compute: "computation",
          fetch: "network",
          declared: "network",
          read: "filesystem",
          hoard: "memory-intensive"
        })
        const advised = known.filter((placement) => Placement.advice(placement) !== undefined)
        assert.deepStrictEqual(
          advised.map(({ task }) => task),
          ["declared"]
        )
        const group = (job: { readonly status: Effect.Effect<{ readonly group: string }, unknown> }) =>
          Effect.map(job.status, (status) => status.group)
        // Producers hear of it within ten seconds.
        yield* Effect.flatMap(queue.enqueue(Fetch, url), group).pipe(
          Effect.repeat({ until: (name) => name === "network", schedule: Schedule.spaced("200 millis") }),
          Effect.timeout("11 seconds")
        )
        assert.strictEqual(yield* group(yield* queue.enqueue(Read, file)), "filesystem")
        assert.strictEqual(yield* group(yield* queue.enqueue(Hoard, 1)), "memory-intensive")
        assert.strictEqual(yield* group(yield* queue.enqueue(Declared, url)), "computation")
        assert.notStrictEqual((yield* queue.run(Compute, 1)).thread, threadId)
      }).pipe(Effect.scoped, Effect.provide(layer)),
    5 * 60_000
  )
})
