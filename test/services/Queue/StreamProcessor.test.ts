import { assert, describe, it } from "@effect/vitest"
import { ByteSize, Effect, Fiber, Latch, Layer, Schema, Stream } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import {
  Sluice,
  type StreamError,
  type StreamOptions,
  ProcessIdentity,
  StreamProcessor,
  type StreamReport,
  type StreamSettings,
  StreamSink,
  StreamSource,
  StreamTask,
  TaskQueue
} from "../../../src/services/Queue/index.ts"

const Item = Schema.Struct({ id: Schema.Int, text: Schema.String })
type Item = typeof Item.Type

class Unlucky extends Schema.TaggedError<Unlucky>()("Unlucky", { id: Schema.Int }) {}

const Shout = StreamTask.make("shout", {
  item: Item,
  output: Item,
  error: Unlucky,
  retry: { times: 1, firstMs: 0 }
})
const shouted = ({ id, text }: Item): Item => ({ id, text: text.toUpperCase() })
const ShoutLive = Shout.toLayer((items) => Effect.succeed(items.map(shouted)))

const items = (count: number): ReadonlyArray<Item> =>
  Array.from({ length: count }, (_, id) => ({ id, text: `zwölf ${id} 日本` }))
const ndjson = (values: ReadonlyArray<unknown>) => values.map((value) => `${JSON.stringify(value)}\n`).join("")

/** A folder, and the queue with a worker over a store of its own. */
const withQueue = <A, E>(
  handler: Layer.Layer<never, never, Layer.Services<typeof ShoutLive>>,
  test: (folder: string) => Effect.Effect<A, E, StreamProcessor | TaskQueue>,
  store: "memory" | "sqlite" = "memory"
) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "sluice-streams-"))),
      (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
    )
    const opened =
      store === "memory"
        ? Sluice.layerMemory()
        : Sluice.layerSqlite({ path: path.join(folder, "jobs.db"), thread: false })
    const main = Sluice.layerStreams.pipe(
      Layer.provideMerge(Sluice.layerWorker()),
      Layer.provide(handler),
      Layer.provideMerge(opened)
    )
    return yield* Effect.provide(test(folder), main)
  }).pipe(Effect.scoped)

const run = <A, O, E>(settings: StreamSettings, options: StreamOptions<A, O, E, never>) =>
  Effect.gen(function* () {
    const streams = yield* StreamProcessor
    return yield* (yield* streams.create(settings)).run(options)
  })

const failure = <E>(effect: Effect.Effect<StreamReport, E, StreamProcessor | TaskQueue>) =>
  Effect.map(Effect.flip(effect), (error) => (error as StreamError).reason)

const read = (...names: ReadonlyArray<string>) => fs.readFileSync(path.join(...names), "utf8")
const readLines = (...names: ReadonlyArray<string>): ReadonlyArray<any> =>
  read(...names)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

const fileToFile = (folder: string, content: string | Buffer) => {
  fs.writeFileSync(path.join(folder, "in.ndjson"), content)
  return {
    name: "letters",
    task: Shout,
    source: StreamSource.ndjsonFile(path.join(folder, "in.ndjson")),
    sink: StreamSink.ndjsonFile(path.join(folder, "out.ndjson"))
  }
}

describe("a stream", () => {
  for (const store of ["memory", "sqlite"] as const) {
    it.live(`takes an NDJSON file through jobs into another, in order (${store})`, () =>
      withQueue(
        ShoutLive,
        (folder) =>
          Effect.gen(function* () {
            const options = fileToFile(folder, ndjson(items(1050)))
            const report = yield* run({ chunkSize: 100, memoryLimit: ByteSize.megabytes(2) }, options)
            assert.deepInclude(report, { finished: true, chunks: 11, items: 1050, results: 1050, skipped: 0 })
            assert.strictEqual(read(folder, "out.ndjson"), ndjson(items(1050).map(shouted)))
            assert.deepStrictEqual(
              fs.readdirSync(folder).filter((name) => name.startsWith("out")),
              ["out.ndjson", "out.ndjson.stream"]
            )
            // Asked again, it has finished.
            const again = yield* run({ chunkSize: 7 }, options)
            assert.deepInclude(again, { finished: true, chunks: 11, resumedAt: 11, results: 1050 })
            const queue = yield* TaskQueue
            assert.strictEqual((yield* queue.count({ tasks: ["shout"] })).count, 11)
          }),
        store
      )
    )
  }

  it.live(
    "does its task's work on an empty file, blank lines, CRLF, a byte order mark and a last line without an end",
    () =>
      withQueue(ShoutLive, (folder) =>
        Effect.gen(function* () {
          const empty = yield* run({}, fileToFile(folder, ""))
          assert.deepInclude(empty, { finished: true, chunks: 0, results: 0 })
          assert.strictEqual(read(folder, "out.ndjson"), "")
          const [a, b, c] = items(3).map((item) => JSON.stringify(item))
          const text = `\ufeff${a}\r\n\r\n\n${b}\r\n   \n${c}`
          const report = yield* run({ chunkSize: 2 }, { ...fileToFile(folder, text), restart: true })
          assert.deepInclude(report, { finished: true, chunks: 3, items: 3, results: 3 })
          assert.strictEqual(read(folder, "out.ndjson"), ndjson(items(3).map(shouted)))
        })
      )
  )

  it.live("reads CSV with quotes, line breaks and delimiters inside cells, and writes CSV", () => {
    const Sale = Schema.Struct({ id: Schema.NumberFromString, name: Schema.String, note: Schema.String })
    const Total = Schema.Struct({ id: Schema.Number, label: Schema.String })
    const Sum = StreamTask.make("sum", { item: Sale, output: Total })
    const SumLive = Sum.toLayer((sales) =>
      Effect.succeed(sales.map(({ id, name, note }) => ({ id, label: `${name}|${note}` })))
    )
    const rows = Array.from({ length: 25 }, (_, id) => ({ id, name: `Smith, ${id}`, note: `"quoted"\r\nand\nü` }))
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
    const text = `id;name;note\r\n${rows.map(({ id, name, note }) => `${id};${quoted(name)};${quoted(note)}\r\n`).join("")}`
    return withQueue(SumLive, (folder) =>
      Effect.gen(function* () {
        fs.writeFileSync(path.join(folder, "in.csv"), text)
        const report = yield* run(
          { chunkSize: 4 },
          {
            name: "sales",
            task: Sum,
            source: StreamSource.csvFile(path.join(folder, "in.csv"), { delimiter: ";" }),
            sink: StreamSink.csvFile(path.join(folder, "out.csv"))
          }
        )
        assert.deepInclude(report, { chunks: 7, items: 25, results: 25 })
        const expected = rows.map(({ id, name, note }) => `${id},${quoted(`${name}|${note}`)}\n`).join("")
        assert.strictEqual(read(folder, "out.csv"), `id,label\n${expected}`)
      })
    )
  })

  it.live("takes any Effect stream, and bytes of NDJSON or CSV such as an HTTP body, in blocks of any size", () => {
    const Row = StreamTask.make("row", {
      item: Schema.Struct({ id: Schema.NumberFromString, text: Schema.String }),
      output: Item
    })
    const RowLive = Row.toLayer((rows) => Effect.succeed(rows.map(shouted)))
    return withQueue(Layer.mergeAll(ShoutLive, RowLive), (folder) =>
      Effect.gen(function* () {
        const sink = (name: string) => StreamSink.ndjsonFile(path.join(folder, name))
        const settings = { chunkSize: 9, memoryLimit: ByteSize.megabytes(1) }
        const inBlocks = (text: string) =>
          Stream.fromIterable(Buffer.from(text)).pipe(
            Stream.grouped(13),
            Stream.map((bytes) => Uint8Array.from(bytes))
          )
        const rows = items(50).map(({ id, text }) => `${id},"${text}"\n`)
        const streamOf = StreamSource.items(Stream.fromIterable(items(50)))
        yield* run(settings, { name: "a", task: Shout, source: streamOf, sink: sink("a") })
        const jsonBytes = StreamSource.ndjson(inBlocks(ndjson(items(50))))
        yield* run(settings, { name: "b", task: Shout, source: jsonBytes, sink: sink("b") })
        const csvBytes = StreamSource.csv(inBlocks(`id,text\n${rows.join("")}`))
        yield* run(settings, { name: "c", task: Row, source: csvBytes, sink: sink("c") })
        for (const name of ["a", "b", "c"]) assert.deepStrictEqual(readLines(folder, name), items(50).map(shouted))
      })
    )
  })

  it.live(
    "reads a CSV file by its first record that is not empty, after a byte order mark too, however it is cut",
    () => {
      const Row = StreamTask.make("row", {
        item: Schema.Struct({ "a\nb": Schema.String, c: Schema.String }),
        output: Item
      })
      const RowLive = Row.toLayer((rows) =>
        Effect.succeed(rows.map((row, i) => ({ id: i, text: `${row["a\nb"]}${row.c}` })))
      )
      return withQueue(RowLive, (folder) =>
        Effect.gen(function* () {
          const expected = ["1x", "2y", "3z", "4w"]
          let number = 0
          for (const mark of ["", "\ufeff"]) {
            for (const blank of ["", "\n", "\r\n\r\n", "\r", "\n\r\n\n"]) {
              const text = `${mark}${blank}"a\nb",c\n1,x\n\n2,y\r\n3,z\n\n\n4,w`
              const file = path.join(folder, `${number}.csv`)
              fs.writeFileSync(file, text)
              const blocks = Stream.fromIterable(Buffer.from(text)).pipe(
                Stream.grouped(2),
                Stream.map((bytes) => Uint8Array.from(bytes))
              )
              for (const source of [StreamSource.csvFile(file), StreamSource.csv(blocks)]) {
                for (const chunkSize of [1, 2, 3]) {
                  const name = `s${number++}`
                  const sink = StreamSink.ndjsonFile(path.join(folder, name))
                  yield* run({ chunkSize }, { name, task: Row, source, sink })
                  const found = readLines(folder, name).map(({ text }) => text)
                  assert.deepStrictEqual(found, expected, JSON.stringify([text, source._tag, chunkSize]))
                }
              }
            }
          }
        })
      )
    }
  )

  it.live("names the line that is not UTF-8, in its header and in a stream of bytes too", () => {
    const Row = StreamTask.make("row", { item: Schema.Struct({ a: Schema.String }), output: Item })
    return withQueue(
      Row.toLayer(() => Effect.succeed([])),
      (folder) =>
        Effect.gen(function* () {
          const file = path.join(folder, "in.csv")
          const sink = StreamSink.ndjsonFile(path.join(folder, "out"))
          const bytes = (text: string) => Buffer.from(text, "latin1")
          fs.writeFileSync(file, bytes("\n\xe9\n1\n"))
          const header = yield* failure(
            run({}, { name: "h", task: Row, source: StreamSource.csvFile(file), sink, restart: true })
          )
          assert.match(header.message, /Line 2 of .*in.csv, of its header, is not UTF-8/)
          for (const text of ["a\n1\n\xe9\n", "a\n1\n\xe2\x82"]) {
            const source = StreamSource.csv(Stream.make(bytes(text)))
            const reason = yield* failure(run({}, { name: "s", task: Row, source, sink, restart: true }))
            assert.match(reason.message, /it is not UTF-8, on line [13] or soon after it/)
          }
          for (const delimiter of ["", ";;", "é", '"', "\n"])
            assert.throws(
              () => StreamSource.csvFile(file, { delimiter }),
              /delimiter is .*; expected one ASCII character/
            )
        })
    )
  })

  it.live("puts a handler's stream of results into the sink, however many there are", () => {
    const Repeat = StreamTask.make("repeat", { item: Item, output: Item })
    const RepeatLive = Repeat.toLayer((given) =>
      Stream.fromIterable(given).pipe(
        Stream.flatMap((item) => Stream.fromIterable(Array.from({ length: 200 }, () => item)))
      )
    )
    return withQueue(RepeatLive, (folder) =>
      Effect.gen(function* () {
        const written: Array<{ readonly chunk: number; readonly count: number; readonly ids: ReadonlyArray<number> }> =
          []
        const sink = StreamSink.forEachChunk<Item, never, never>(
          path.join(folder, "state"),
          ({ chunk, count, results }) =>
            Effect.map(Stream.runCollect(results), (all) => {
              written.push({ chunk, count, ids: all.map(({ id }) => id) })
            })
        )
        const source = StreamSource.items(Stream.fromIterable(items(25)))
        const report = yield* run({ chunkSize: 10 }, { name: "repeated", task: Repeat, source, sink })
        assert.deepInclude(report, { chunks: 3, items: 25, results: 5000, sinkBytes: 0 })
        assert.deepStrictEqual(
          written.map(({ chunk, count }) => [chunk, count]),
          [
            [0, 2000],
            [1, 2000],
            [2, 1000]
          ]
        )
        assert.deepStrictEqual(
          written.flatMap(({ ids }) => ids),
          items(25).flatMap(({ id }) => Array.from({ length: 200 }, () => id))
        )
        const small = { chunkSize: 10, maxOutputBytes: ByteSize.kilobytes(20) }
        const file = StreamSink.ndjsonFile(path.join(folder, "out"))
        const reason = yield* failure(run(small, { name: "small", task: Repeat, source, sink: file }))
        assert.include(reason.message, "more than 20000 bytes of results")
      })
    )
  })

  it.live("has no more chunks in the store than it may, and all of the source without back-pressure", () => {
    const open = Latch.makeUnsafe(true)
    const seen: Array<number> = []
    const Slow = StreamTask.make("slow", { item: Item, output: Item, group: "network" })
    const SlowLive = Slow.toLayer((given) =>
      Effect.gen(function* () {
        const queue = yield* TaskQueue
        seen.push(
          (yield* Effect.orDie(queue.count({ tasks: ["slow"], states: ["scheduled", "pending", "running"] }))).count
        )
        yield* open.await
        return given
      })
    )
    return Effect.gen(function* () {
      const opened = Sluice.layerMemory()
      const main = Sluice.layerStreams.pipe(
        Layer.provideMerge(Sluice.layerWorker()),
        Layer.provide(SlowLive),
        Layer.provideMerge(opened)
      )
      const test = Effect.gen(function* () {
        const queue = yield* TaskQueue
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "sluice-streams-"))),
          (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
        )
        const options = { ...fileToFile(folder, ndjson(items(600))), task: Slow }
        const bounded = yield* run({ chunkSize: 10, maxChunksInFlight: 3 }, options)
        assert.deepInclude(bounded, { chunks: 60, peakChunks: 3 })
        assert.isAtMost(Math.max(...seen), 3)
        // Lines have some 30 bytes: chunks of 10 count as some 2.6 kB, and the limit is 1 MB.
        const bytes = yield* run({ chunkSize: 500, memoryLimit: "1 MB" }, { ...options, restart: true })
        assert.isAtMost(bytes.peakBytes, 1_000_000)

        open.closeUnsafe()
        const all = yield* Effect.forkChild(run({ chunkSize: 1, backpressure: false }, { ...options, restart: true }))
        const live = queue.count({ tasks: ["slow"], states: ["scheduled", "pending", "running"] })
        yield* Effect.repeat(Effect.andThen(Effect.sleep("5 millis"), live), { until: ({ count }) => count === 600 })
        open.openUnsafe()
        assert.strictEqual((yield* Fiber.join(all)).results, 600)
      })
      yield* Effect.provide(Effect.scoped(test), main)
    })
  })

  it.live("commits chunks as they end when order does not matter", () => {
    const open = Latch.makeUnsafe(false)
    const Gated = StreamTask.make("gated", { item: Item, output: Item })
    const GatedLive = Gated.toLayer((given, { chunk }) => Effect.as(chunk === 0 ? open.await : Effect.void, given))
    return withQueue(GatedLive, (folder) =>
      Effect.gen(function* () {
        const report = yield* run(
          { chunkSize: 10 },
          {
            ...fileToFile(folder, ndjson(items(40))),
            task: Gated,
            order: "completion",
            onCommit: ({ chunks }) => Effect.sync(() => chunks === 3 && open.openUnsafe())
          }
        )
        assert.deepInclude(report, { finished: true, chunks: 4, results: 40 })
        const ids = readLines(folder, "out.ndjson").map(({ id }) => id)
        assert.deepStrictEqual(ids.slice(30), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        assert.strictEqual(new Set(ids).size, 40)
      })
    )
  })
})

describe("a dead chunk", () => {
  const failing = (bad: () => boolean, attempts: Array<number> = []) =>
    Shout.toLayer((given, { attempt, chunk }) => {
      if (chunk === 2) attempts.push(attempt)
      return chunk === 2 && bad() ? Effect.fail(new Unlucky({ id: given[0]!.id })) : Effect.succeed(given.map(shouted))
    })

  it.live(
    "runs again by its task's policy, stops the stream, and is the first to run when the stream does again",
    () => {
      let bad = true
      const attempts: Array<number> = []
      return withQueue(
        failing(() => bad, attempts),
        (folder) =>
          Effect.gen(function* () {
            const options = fileToFile(folder, ndjson(items(50)))
            const reason = yield* failure(run({ chunkSize: 10 }, options))
            assert.deepInclude(reason, { _tag: "ChunkFailed", chunk: 2, line: 21 })
            assert.deepStrictEqual(attempts, [1, 2])
            assert.strictEqual(read(folder, "out.ndjson"), ndjson(items(20).map(shouted)))
            bad = false
            const report = yield* run({ chunkSize: 10 }, options)
            assert.deepInclude(report, { finished: true, chunks: 5, resumedAt: 2, results: 50 })
            assert.strictEqual(read(folder, "out.ndjson"), ndjson(items(50).map(shouted)))
          })
      )
    }
  )

  for (const gone of ["all", "one"] as const) {
    it.live(`is cut anew, with all that is not committed, when ${gone} of the jobs were removed from the store`, () => {
      let bad = true
      return withQueue(
        failing(() => bad),
        (folder) =>
          Effect.gen(function* () {
            const options = { ...fileToFile(folder, ndjson(items(50))), order: "completion" as const }
            assert.strictEqual((yield* failure(run({ chunkSize: 10 }, options)))._tag, "ChunkFailed")
            const queue = yield* TaskQueue
            yield* queue.removeWhere(gone === "all" ? {} : { states: ["failed"] })
            bad = false
            const report = yield* run({ chunkSize: 10 }, options)
            assert.deepInclude(report, { finished: true, chunks: 5, items: 50, results: 50 })
            const ids = readLines(folder, "out.ndjson").map(({ id }) => id)
            assert.deepStrictEqual(
              ids.sort((a, b) => a - b),
              items(50).map(({ id }) => id)
            )
          })
      )
    })
  }

  it.live("is left out and counted when the stream is to skip it, and stays among the dead letters", () =>
    withQueue(
      failing(() => true),
      (folder) =>
        Effect.gen(function* () {
          const options = { ...fileToFile(folder, ndjson(items(50))), onChunkFailure: "skip" as const }
          const report = yield* run({ chunkSize: 10 }, options)
          assert.deepInclude(report, { finished: true, chunks: 5, results: 40, skipped: 1 })
          assert.deepStrictEqual(report.skippedChunks, [2])
          const left = items(50).filter(({ id }) => id < 20 || id >= 30)
          assert.strictEqual(read(folder, "out.ndjson"), ndjson(left.map(shouted)))
          const queue = yield* TaskQueue
          assert.strictEqual((yield* queue.count({ states: ["failed"] })).count, 1)
        })
    )
  )

  it.live("names the line that is not JSON, not UTF-8, or does not fit, and is not tried again", () =>
    withQueue(ShoutLive, (folder) =>
      Effect.gen(function* () {
        const good = items(12).map((item) => Buffer.from(`${JSON.stringify(item)}\n`))
        for (const [bad, says] of [
          ["{oops\n", "Line 8 of .* is not JSON"],
          ['{"id":"seven"}\n', "Line 8 of .* does not fit"],
          [Buffer.from([0x22, 0xc3, 0x28, 0x22, 10]), "Line 8 of .* is not UTF-8"],
          ['{"id":1,"text":"a"}\r{"id":2,"text":"b"}\n', "Line 8 of .* is not JSON"]
        ] as const) {
          const content = Buffer.concat([...good.slice(0, 7), Buffer.from(bad), ...good.slice(7)])
          const reason = yield* failure(run({ chunkSize: 5 }, { ...fileToFile(folder, content), restart: true }))
          assert.strictEqual(reason._tag, "ChunkFailed")
          assert.match(reason.message, new RegExp(says))
        }
        const queue = yield* TaskQueue
        const { jobs } = yield* queue.list({ states: ["failed"] })
        assert.deepStrictEqual(new Set(jobs.map(({ attempt }) => attempt)), new Set([1]))
      })
    )
  )

  it.live("is all that hostile CSV costs", () => {
    const Cell = StreamTask.make("cell", {
      item: Schema.Struct({ a: Schema.String, b: Schema.String }),
      output: Schema.Unknown
    })
    const CellLive = Cell.toLayer((rows) => Effect.succeed(rows))
    return withQueue(CellLive, (folder) =>
      Effect.gen(function* () {
        const bad = ['1,x"y', '2,"x"y', "3", "4,5,6", "=cmd(),\u0000", '7,"a\nb"', "__proto__,constructor"]
        fs.writeFileSync(path.join(folder, "in.csv"), `a,b\n${bad.join("\n")}\n8,"never closed\n9,x\n`)
        const source = StreamSource.csvFile(path.join(folder, "in.csv"))
        const sink = StreamSink.ndjsonFile(path.join(folder, "out"))
        const options = { name: "hostile", task: Cell, source, sink, onChunkFailure: "skip" as const }
        const report = yield* run({ chunkSize: 1 }, options)
        assert.deepInclude(report, { finished: true, chunks: 8, results: 3 })
        assert.deepStrictEqual(report.skippedChunks, [0, 1, 2, 3, 7])
        assert.deepStrictEqual(
          readLines(folder, "out").map(({ b }) => b),
          ["\u0000", "a\nb", "constructor"]
        )
        const stopping = { ...options, name: "stops", onChunkFailure: "stop" as const, restart: true }
        const reason = yield* failure(run({ chunkSize: 3 }, stopping))
        assert.match(reason.message, /The record on line 2 of .* is not CSV/)
      })
    )
  })
})

describe("a stream that cannot go on", () => {
  it.live("says which line is too long", () =>
    withQueue(ShoutLive, (folder) =>
      Effect.gen(function* () {
        const long = JSON.stringify({ id: 1, text: "x".repeat(3000) })
        const content = `${ndjson(items(30))}${long}\n${ndjson(items(5))}`
        const settings = { chunkSize: 10, maxItemBytes: "1 kB" as const }
        const reason = yield* failure(run(settings, fileToFile(folder, content)))
        assert.deepInclude(reason, { _tag: "ItemTooLarge", line: 31, maxBytes: 1000 })
        const source = StreamSource.items(Stream.make({ id: 1, text: "x".repeat(3000) }))
        const sink = StreamSink.ndjsonFile(path.join(folder, "b"))
        const inline = yield* failure(run(settings, { name: "items", task: Shout, source, sink }))
        fs.rmSync(path.join(folder, "b.stream"))
        assert.deepInclude(inline, { _tag: "ItemTooLarge", line: 1 })
        const bytes = StreamSource.ndjson(Stream.make(Buffer.from(content)), { maxLineBytes: 1000 })
        const body = yield* failure(run(settings, { name: "body", task: Shout, source: bytes, sink }))
        assert.strictEqual(body._tag, "SourceFailed")
        assert.match(body.message, /after item 30: .*exceeds maxLineBytes of 1000/)
      })
    )
  )

  it.live("says so when its source or sink is not what it was, or another runs it", () => {
    let bad = true
    const Live = Shout.toLayer((given, { chunk }) =>
      bad && chunk === 1 ? Effect.fail(new Unlucky({ id: 1 })) : Effect.succeed(given.map(shouted))
    )
    return withQueue(Live, (folder) =>
      Effect.gen(function* () {
        const options = fileToFile(folder, ndjson(items(50)))
        assert.strictEqual((yield* failure(run({ chunkSize: 10 }, options)))._tag, "ChunkFailed")
        const stamp = fs.statSync(path.join(folder, "in.ndjson"))
        fs.appendFileSync(path.join(folder, "in.ndjson"), ndjson(items(1)))
        assert.strictEqual((yield* failure(run({ chunkSize: 10 }, options)))._tag, "SourceChanged")
        fs.truncateSync(path.join(folder, "in.ndjson"), stamp.size)
        fs.utimesSync(path.join(folder, "in.ndjson"), stamp.atimeMs / 1000, stamp.mtimeMs / 1000)
        const out = fs.readFileSync(path.join(folder, "out.ndjson"))
        fs.truncateSync(path.join(folder, "out.ndjson"), 3)
        assert.strictEqual((yield* failure(run({ chunkSize: 10 }, options)))._tag, "SinkChanged")
        // What came after the last commit is cut off.
        fs.writeFileSync(path.join(folder, "out.ndjson"), Buffer.concat([out, Buffer.from("torn")]))
        const other = failure(run({ chunkSize: 10 }, { ...options, name: "other" }))
        assert.strictEqual((yield* other)._tag, "StateFailed")
        bad = false
        const busy: Array<string> = []
        const again = run({ chunkSize: 10 }, options)
        const onCommit = () =>
          Effect.map(Effect.orDie(Effect.provide(failure(again), context)), ({ _tag }) => void busy.push(_tag))
        const context = yield* Effect.context<StreamProcessor | TaskQueue>()
        yield* run({ chunkSize: 10 }, { ...options, onCommit, restart: true })
        assert.include(busy, "StreamBusy")
        assert.strictEqual(read(folder, "out.ndjson"), ndjson(items(50).map(shouted)))
      })
    )
  })

  it.live("takes the lock of a dead process, and none of a process it cannot see", () =>
    withQueue(ShoutLive, (folder) =>
      Effect.gen(function* () {
        const options = fileToFile(folder, ndjson(items(5)))
        const lock = path.join(folder, "out.ndjson.stream.lock")
        fs.writeFileSync(lock, `1 another-host 4194303 1`)
        const reason = yield* failure(run({}, options))
        assert.deepInclude(reason, { _tag: "StreamBusy", pid: 4194303 })
        assert.include(reason.message, "on another-host")
        const { sharedClock } = ProcessIdentity
        fs.writeFileSync(lock, `1 ${os.hostname()} 4194303 1 ${sharedClock} pid:[another-container]`)
        assert.deepInclude(yield* failure(run({}, options)), { _tag: "StreamBusy" })
        // Of this process's number, and begun at another time.
        fs.writeFileSync(lock, `1 ${os.hostname()} ${process.pid} 1`)
        assert.strictEqual((yield* run({}, options)).results, 5)
        assert.isFalse(fs.existsSync(lock))
      })
    )
  )

  it.live("refuses settings and names outside their range, and a record that is none", () =>
    withQueue(ShoutLive, (folder) =>
      Effect.gen(function* () {
        const options = fileToFile(folder, ndjson(items(5)))
        for (const [settings, says] of [
          [{ chunkSize: 0 }, "chunkSize is 0"],
          [{ memoryLimit: ByteSize.kilobytes(10) }, "memoryLimit is 10000"],
          [{ maxChunksInFlight: 1.5 }, "maxChunksInFlight is 1.5"],
          [{ maxItemBytes: ByteSize.megabytes(50) }, "raise memoryLimit to 800000000 bytes"]
        ] as const) {
          const reason = yield* failure(run(settings, options))
          assert.strictEqual(reason._tag, "InvalidStream")
          assert.include(reason.message, says)
        }
        assert.strictEqual((yield* failure(run({}, { ...options, name: "a b" })))._tag, "InvalidStream")
        const nowhere = StreamSource.ndjsonFile(path.join(folder, "nowhere"))
        assert.strictEqual((yield* failure(run({}, { ...options, source: nowhere })))._tag, "SourceFailed")
        fs.writeFileSync(path.join(folder, "out.ndjson.stream"), "{")
        assert.strictEqual((yield* failure(run({}, options)))._tag, "StateFailed")
        assert.strictEqual((yield* run({}, { ...options, restart: true })).results, 5)
      })
    )
  )
})
