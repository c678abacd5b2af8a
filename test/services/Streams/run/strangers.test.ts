/** What lies beside a sink, and what a chunk's job names, may be somebody else's doing. */
import { assert, describe, it } from "@effect/vitest"
import { ByteSize, Effect, Exit, Layer, Schema } from "effect"
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import {
  Sluice,
  StreamProcessor,
  StreamSink,
  StreamSource,
  StreamTask,
  TaskQueue
} from "../../../../src/services/Queue/index.ts"
import type { ChunkInput } from "../../../../src/services/Streams/StreamChunk.ts"
import { outside, plants } from "../../../support/files/Strangers.ts"

const Echo = StreamTask.make("echo", { item: Schema.Unknown, output: Schema.Unknown, retry: { times: 0, firstMs: 0 } })
const EchoLive = Echo.toLayer((items) => Effect.succeed(items))

/** So large that a chunk's results need a file. */
const lines = Array.from({ length: 40 }, (_, id) => `${JSON.stringify({ id, text: "x".repeat(1000) })}\n`).join("")

const withStreams = <A, E>(test: (folder: string) => Effect.Effect<A, E, StreamProcessor | TaskQueue>) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(path.join(tmpdir(), "sluice-streams-"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true }))
    )
    writeFileSync(path.join(folder, "in.ndjson"), lines)
    const main = Sluice.layerStreams.pipe(
      Layer.provideMerge(Sluice.layerWorker()),
      Layer.provide(EchoLive),
      Layer.provideMerge(Sluice.layerMemory())
    )
    return yield* Effect.provide(test(folder), main)
  }).pipe(Effect.scoped)

const run = (folder: string) =>
  Effect.gen(function* () {
    const streams = yield* (yield* StreamProcessor).create({ chunkSize: 20, memoryLimit: ByteSize.megabytes(2) })
    return yield* streams.run({
      name: "echoes",
      task: Echo,
      source: StreamSource.ndjsonFile(path.join(folder, "in.ndjson")),
      sink: StreamSink.ndjsonFile(path.join(folder, "out.ndjson"))
    })
  })

describe("a stream does not follow, wait for or change", () => {
  for (const [what, plant] of Object.entries(plants)) {
    for (const suffix of [".stream", ".stream.new", ".stream.lock", ".stream.d"]) {
      if (suffix === ".stream.d" && what === "a folder") continue
      it.live(`${what} in the place of its ${suffix}`, () =>
        Effect.gen(function* () {
          const away = yield* outside
          yield* withStreams((folder) =>
            Effect.gen(function* () {
              const place = path.join(folder, `out.ndjson${suffix}`)
              plant(place, away)
              const state = away.state()
              const exit = yield* Effect.exit(run(folder))
              // Left by an earlier run it would be removed: what it leads to is not.
              if (suffix !== ".stream.d") assert.isTrue(Exit.isFailure(exit))
              assert.strictEqual(away.state(), state)
              assert.strictEqual(away.connections(), 0)
              assert.isFalse(existsSync(away.nothing))
            })
          )
        })
      )
    }
  }

  it.live("what it keeps for itself is 0600", () =>
    withStreams((folder) =>
      Effect.gen(function* () {
        assert.isTrue((yield* run(folder)).finished)
        assert.strictEqual(lstatSync(path.join(folder, "out.ndjson.stream")).mode & 0o777, 0o600)
        assert.strictEqual(readFileSync(path.join(folder, "out.ndjson"), "utf8"), lines)
      })
    )
  )
})

describe("a chunk's job, whoever put it into the store,", () => {
  const forged: Readonly<Record<string, (input: ChunkInput, away: string, file: string) => Partial<ChunkInput>>> = {
    "names a spool folder elsewhere": (_, away) => ({ spool: away }),
    "names one that ends like a spool folder": (_, away) => ({ spool: `${away}.d` }),
    "names one by detours": ({ spool }) => ({ spool: `${path.dirname(spool)}/x/../${path.basename(spool)}` }),
    "names a relative one": () => ({ spool: "out.ndjson.stream.d" }),
    "names a file that is not the source": ({ source }, _, file) => {
      const { mtimeMs, size } = statSync(file)
      return { source: { ...source, path: file, mtimeMs, size } as ChunkInput["source"] }
    },
    "is of a run nobody began": () => ({ run: "other" }),
    "is of another stream": () => ({ stream: "other" })
  }
  for (const [what, forge] of Object.entries(forged)) {
    it.live(`that ${what} is refused, and nothing is read or written there`, () =>
      Effect.gen(function* () {
        const away = yield* outside
        yield* withStreams((folder) =>
          Effect.gen(function* () {
            yield* run(folder)
            const queue = yield* TaskQueue
            const { jobs } = yield* queue.list({ tasks: ["echo"] }, { limit: 1 })
            const genuine = jobs[0]!.payload as ChunkInput
            // Vouched for as it is. The run is over, and its folder gone with it.
            mkdirSync(genuine.spool, { mode: 0o700 })
            const before = yield* Effect.exit(queue.run(Echo.task, { ...genuine, chunk: 100 }))
            assert.isTrue(Exit.isSuccess(before), String(before))
            const precious = path.join(away.folder, "precious.ndjson")
            writeFileSync(precious, '{"precious":true}\n')
            const state = away.state()
            const payload = { ...genuine, chunk: 101, ...forge(genuine, away.inner, precious) }
            const exit = yield* Effect.exit(queue.run(Echo.task, payload))
            assert.isTrue(Exit.isFailure(exit))
            assert.match(String(exit), /The job of chunk 101 of stream/)
            assert.strictEqual(away.state(), state)
          })
        )
      })
    )
  }
})
