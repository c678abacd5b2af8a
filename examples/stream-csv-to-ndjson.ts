// A CSV file of any length through jobs into an NDJSON file, in bounded memory, a thousand rows a job.
import { ByteSize, Effect, Layer, Schema } from "effect"
import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { Sluice } from "../src/index.ts"
import { StreamProcessor, StreamSink, StreamSource, StreamTask } from "../src/streams.ts"

using folder = fs.mkdtempDisposableSync(path.join(os.tmpdir(), "sluice-example-"))
const at = (name: string) => path.join(folder.path, name)

const Sale = Schema.Struct({ id: Schema.NumberFromString, product: Schema.String, cents: Schema.NumberFromString })
const Line = Schema.Struct({ id: Schema.Finite, text: Schema.String })

const Price = StreamTask.make("price", { item: Sale, output: Line })

const PriceLive = Price.toLayer((sales) =>
  Effect.succeed(sales.map(({ cents, id, product }) => ({ id, text: `${product}: ${(cents / 100).toFixed(2)} €` })))
)

const rows = Array.from({ length: 20_000 }, (_, id) => `${id},"Tea, no. ${id % 7}",${id % 1000}\n`)
fs.writeFileSync(at("sales.csv"), `id,product,cents\n${rows.join("")}`)

const program = Effect.gen(function* () {
  const streams = yield* StreamProcessor
  const processor = yield* streams.create({
    chunkSize: 1000,
    backpressure: true,
    memoryLimit: ByteSize.megabytes(100)
  })
  // Killed and started again, it would go on after its last committed chunk.
  const report = yield* processor.run({
    name: "prices",
    source: StreamSource.csvFile(at("sales.csv")),
    task: Price,
    sink: StreamSink.ndjsonFile(at("prices.ndjson"))
  })
  console.log(`${report.results} lines from ${report.chunks} jobs, at most ${report.peakChunks} of them at a time`)
})

const Main = Sluice.layerStreams.pipe(
  Layer.provideMerge(Sluice.layerWorker()),
  Layer.provide(PriceLive),
  Layer.provideMerge(Sluice.layerSqlite({ path: at("jobs.db") }))
)

await Effect.runPromise(Effect.provide(program, Main))

const lines = fs.readFileSync(at("prices.ndjson"), "utf8").trimEnd().split("\n")
assert.equal(lines.length, 20_000)
assert.deepEqual(JSON.parse(lines[12_345]!), { id: 12_345, text: "Tea, no. 4: 3.45 €" })
