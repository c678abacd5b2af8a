/**
 * Fault: the process that runs a stream is gone at its n-th step, for every n (every third on SQLite). Invariant: run
 * again, the stream has put the results of each chunk into its sink once and in order, and no chunk that was committed
 * then has run again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import {
  Sluice,
  StreamProcessor,
  type StreamReport,
  StreamSink,
  StreamSource,
  StreamTask
} from "../../src/services/Queue/index.ts"
import { type Death, dyingProcess } from "../support/streams/DyingProcess.ts"

const Item = Schema.Struct({ id: Schema.Int, text: Schema.String })
const runs: Array<string> = []
const Shout = StreamTask.make("shout", { item: Item, output: Item })
const ShoutLive = Shout.toLayer((items, { chunk, stream }) => {
  runs.push(`${stream} ${chunk}`)
  return Effect.succeed(items.map(({ id, text }) => ({ id, text: text.toUpperCase() })))
})

/** Of a chunk of two, one rests in its job and the next in a spool file. */
const item = (id: number) => ({ id, text: (id % 4 < 2 ? "a" : "b").repeat(id % 4 < 2 ? 100 : 9000) })
const count = 5
const all = Array.from({ length: count }, (_, id) => item(id))
const input = all.map((value) => `${JSON.stringify(value)}\n`).join("")
const expected = all.map(({ id, text }) => `${JSON.stringify({ id, text: text.toUpperCase() })}\n`).join("")

describe("a stream whose process is gone at any of its steps", () => {
  for (const [store, order, death] of [
    ["memory", "source", "within"],
    ["memory", "completion", "after"],
    ["sqlite", "source", "after"]
  ] as const) {
    it.live(`loses and repeats no committed chunk (${store}, by ${order}, gone ${death} the step)`, () =>
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "sluice-steps-"))),
          (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
        )
        fs.writeFileSync(path.join(folder, "in"), input)
        const opened =
          store === "memory"
            ? Sluice.layerMemory()
            : Sluice.layerSqlite({ path: path.join(folder, "jobs.db"), thread: false })
        const main = Sluice.layerWorker().pipe(Layer.provide(ShoutLive), Layer.provideMerge(opened))
        yield* Effect.provide(
          Effect.gen(function* () {
            for (let step = 1; ; step += store === "memory" ? 1 : 3)
              if (!(yield* once(folder, order, step, death))) break
          }),
          main
        )
      }).pipe(Effect.scoped)
    )
  }
})

/** Whether there was such a step. */
const once = (folder: string, order: "source" | "completion", step: number, death: Death) =>
  Effect.gen(function* () {
    const name = `${order}-${death}-${step}`
    const out = path.join(folder, name)
    const stream: Effect.Effect<StreamReport, unknown, StreamProcessor> = Effect.gen(function* () {
      const streams = yield* StreamProcessor
      const processor = yield* streams.create({ chunkSize: 2, maxChunksInFlight: 2 })
      return yield* processor.run({
        name,
        task: Shout,
        source: StreamSource.ndjsonFile(path.join(folder, "in")),
        sink: StreamSink.ndjsonFile(out),
        order
      })
    })
    const first = yield* dyingProcess(step, death)
    const ended = yield* Effect.raceFirst(
      Effect.as(first.gone, false),
      // Nobody ends it but its death: it has no finalizers then.
      Effect.as(Effect.flatMap(Effect.forkDetach(first.run(stream)), Fiber.join), true)
    )
    const label = `${name} of ${first.steps()} steps`
    if (ended) {
      assert.isAbove(step, 30, label)
      return false
    }
    const below = committedIn(`${out}.stream`)
    const before = runs.length
    fs.rmSync(`${out}.stream.lock`, { force: true })
    const second = yield* dyingProcess(Number.POSITIVE_INFINITY, "after")
    const report = yield* second.run(stream)
    assert.deepInclude(report, { finished: true, chunks: 3, items: count, results: count }, label)
    const lines = fs.readFileSync(out, "utf8")
    if (order === "source") assert.strictEqual(lines, expected, label)
    else assert.deepStrictEqual(lines.split("\n").sort(), expected.split("\n").sort(), label)
    for (const line of runs.slice(before)) {
      const [of, chunk] = line.split(" ")
      if (of === name) assert.isFalse(below.has(Number(chunk)), `${label}: chunk ${chunk} ran again`)
    }
    assert.deepStrictEqual(
      fs.readdirSync(folder).filter((file) => file.startsWith(`${name}.`)),
      [`${name}.stream`],
      label
    )
    return true
  }).pipe(Effect.scoped)

/** The chunks a stream's record says are committed. */
const committedIn = (file: string): ReadonlySet<number> => {
  if (!fs.existsSync(file)) return new Set()
  const { below, beyond } = JSON.parse(fs.readFileSync(file, "utf8"))
  return new Set([
    ...Array.from({ length: below }, (_, i) => i),
    ...beyond.map(({ chunk }: { chunk: number }) => chunk)
  ])
}
