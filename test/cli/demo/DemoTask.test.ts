import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import * as fs from "node:fs"
import * as http from "node:http"
import * as os from "node:os"
import * as path from "node:path"
import * as DemoTask from "../../../src/cli/demo/DemoTask.ts"
import { FileServer, layer as fileServer } from "../../../src/cli/demo/FileServer.ts"
import { Sluice, TaskQueue } from "../../../src/services/Queue/index.ts"

/** A file that will be fetched, another one, and a server that hands out both. */
const arranged = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "sluice-demo-task-"))),
    (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
  )
  const files = ["one.txt", "other.txt"].map((name) => path.join(folder, name))
  for (const file of files) fs.writeFileSync(file, `this is ${file}\n`)
  return { one: files[0]!, context: yield* Layer.build(fileServer(files)) }
})

const queue = Sluice.layerWorker().pipe(
  Layer.provide(DemoTask.layer),
  Layer.provide(FetchHttpClient.layer),
  Layer.provideMerge(Sluice.layerMemory())
)

/** The status of a plain request; `fetch` would not send a Host of one's own. */
const statusOf = (url: string, headers: Readonly<Record<string, string>> = {}) =>
  Effect.callback<number | undefined>((resume) => {
    http.get(url, { headers, agent: false }, (response) => {
      response.resume()
      resume(Effect.succeed(response.statusCode))
    })
  })

describe("demo.fetch", () => {
  it.live("fails when the bytes are not those of the file, after trying again", () =>
    Effect.gen(function* () {
      const { context, one } = yield* arranged
      const { url } = yield* Effect.provideContext(FileServer, context)
      const jobs = yield* TaskQueue
      const { id } = yield* jobs.enqueue(DemoTask.HashFile, { file: one })
      const right = yield* jobs.run(DemoTask.FetchFile, { file: one, url: url(0), hashJob: id }, { after: [id] })
      assert.deepStrictEqual(right, { bytes: fs.statSync(one).size, isSame: true })

      const wrong = yield* jobs.enqueue(DemoTask.FetchFile, { file: one, url: url(1), hashJob: id })
      const error = yield* Effect.flip(wrong.await)
      assert.strictEqual(error._tag, "demo/FetchFailed")
      assert.match(error.message, /^fetched \d+ bytes whose digest is not the file's$/)
      assert.strictEqual((yield* wrong.status).attempt, 4)
    }).pipe(Effect.provide(queue))
  )

  it.live("says so when the file has changed since it was hashed", () =>
    Effect.gen(function* () {
      const { context, one } = yield* arranged
      const { url } = yield* Effect.provideContext(FileServer, context)
      const jobs = yield* TaskQueue
      const hash = yield* jobs.enqueue(DemoTask.HashFile, { file: one })
      yield* hash.await
      fs.writeFileSync(one, "changed")
      const fetched = yield* jobs.run(DemoTask.FetchFile, { file: one, url: url(0), hashJob: hash.id })
      assert.deepStrictEqual(fetched, { bytes: 7, isSame: false })
    }).pipe(Effect.provide(queue))
  )
})

describe("the demo's server", () => {
  it.live("answers nobody who does not know its secret, and no other host's name", () =>
    Effect.gen(function* () {
      const { context, one } = yield* arranged
      const { url } = yield* Effect.provideContext(FileServer, context)
      assert.match(url(0), /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/0$/)
      const { origin } = new URL(url(0))
      assert.strictEqual(yield* statusOf(url(0)), 200)
      assert.strictEqual(yield* statusOf(url(0), { host: "evil.example" }), 404)
      for (const at of [
        "/",
        "/0",
        `/${"0".repeat(32)}/0`,
        `${new URL(url(2)).pathname}`,
        `${new URL(url(0)).pathname}/..%2f..%2fetc`
      ]) {
        assert.strictEqual(yield* statusOf(origin + at), 404, at)
      }
      fs.rmSync(one)
      assert.strictEqual(yield* statusOf(url(0)), 410)
    })
  )
})
