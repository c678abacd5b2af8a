/**
 * A process that runs a stream: `node streamProcess.ts '<StreamConfig as JSON>'`. Opens its store, says `idle` and
 * waits for a line on stdin; then runs the stream and says `done` with the report. Writes a ledger: `run CHUNK ATTEMPT`
 * when a handler begins, `committed N` when the first N chunks are.
 */
import "../../../scripts/wasm-wrappers.mjs"
import { ByteSize, Effect, Layer, Schema } from "effect"
import fs from "node:fs"
import { Sluice } from "../../../src/index.ts"
import { StreamProcessor, StreamSink, StreamSource, StreamTask } from "../../../src/streams.ts"

export interface StreamConfig {
  readonly store: string
  readonly input: string
  readonly output: string
  readonly ledger: string
  readonly memoryLimit: number
}

const config = JSON.parse(process.argv[2]!) as StreamConfig
const ledger = fs.openSync(config.ledger, "a")
const note = (line: string) => fs.writeSync(ledger, `${line}\n`)

const Line = Schema.Struct({ id: Schema.Int, text: Schema.String })
const Shout = StreamTask.make("shout", { item: Line, output: Line })
const ShoutLive = Shout.toLayer((lines, { attempt, chunk }) =>
  Effect.sync(() => {
    note(`run ${chunk} ${attempt}`)
    return lines.map(({ id, text }) => ({ id, text: text.toUpperCase() }))
  })
)

const go = Effect.callback<void>((resume) => {
  process.stdin.once("data", () => resume(Effect.void))
  process.stdin.on("end", () => process.exit(1))
})

const program = Effect.gen(function* () {
  const streams = yield* StreamProcessor
  const processor = yield* streams.create({
    chunkSize: 1000,
    backpressure: true,
    memoryLimit: ByteSize.bytes(config.memoryLimit)
  })
  console.log("idle")
  yield* go
  const from = process.cpuUsage()
  const report = yield* processor.run({
    name: "large",
    source: StreamSource.ndjsonFile(config.input),
    task: Shout,
    sink: StreamSink.ndjsonFile(config.output),
    onCommit: ({ chunks }) => Effect.sync(() => note(`committed ${chunks}`))
  })
  const { system, user } = process.cpuUsage(from)
  console.log(`done ${JSON.stringify({ ...report, cpuSeconds: (system + user) / 1e6 })}`)
})

const Main = Sluice.layerStreams.pipe(
  Layer.provideMerge(Sluice.layerWorker()),
  Layer.provide(ShoutLive),
  Layer.provideMerge(Sluice.layerSqlite({ path: config.store }))
)

await Effect.runPromise(Effect.provide(program, Main))
process.exit(0)
