// A small API in front of the queue: POST enqueues and answers at once, GET tells what became of the job.
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer, Schema } from "effect"
import {
  FetchHttpClient,
  HttpClient,
  HttpClientRequest,
  HttpRouter,
  HttpServer,
  HttpServerRequest,
  HttpServerResponse
} from "effect/http"
import assert from "node:assert/strict"
import { createServer } from "node:http"
import { Job, JobValues, Sluice, Task, TaskQueue } from "../src/index.ts"

const Greet = Task.make("greet", {
  payload: { name: Schema.String },
  success: Schema.String,
  group: "network"
})
const GreetLive = Greet.toLayer(({ name }) => Effect.succeed(`Hello, ${name}!`))

const Routes = Layer.mergeAll(
  HttpRouter.add(
    "POST",
    "/greetings",
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const payload = yield* HttpServerRequest.schemaBodyJson(Greet.payload)
      const { id } = yield* queue.enqueue(Greet, payload)
      return yield* HttpServerResponse.json({ id: Job.formatJobId(id) }, { status: 202 })
    })
  ),
  HttpRouter.add(
    "GET",
    "/greetings/:id",
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const { id: text } = yield* HttpRouter.schemaPathParams(Schema.Struct({ id: Schema.String }))
      const id = Job.parseJobId(text)
      if (id === undefined) return HttpServerResponse.empty({ status: 404 })
      return yield* queue.waitFor(id).pipe(
        // As JSON, whatever the schema of its task makes of it here.
        Effect.provideService(JobValues, "json"),
        Effect.flatMap(({ result, state }) => HttpServerResponse.json({ state, result: result ?? null })),
        Effect.catchTag("JobNotFound", () => Effect.succeed(HttpServerResponse.empty({ status: 404 })))
      )
    })
  )
)

const program = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const client = yield* HttpClient.HttpClient
  const url = `http://127.0.0.1:${"port" in address ? address.port : 0}/greetings`

  const accepted = yield* client.execute(
    HttpClientRequest.post(url).pipe(HttpClientRequest.bodyJsonUnsafe({ name: "Ada" }))
  )
  assert.equal(accepted.status, 202)
  const { id } = (yield* accepted.json) as { readonly id: string }
  const done = yield* (yield* client.get(`${url}/${id}`)).json
  assert.deepEqual(done, { state: "completed", result: "Hello, Ada!" })
  assert.equal((yield* client.get(`${url}/nobody`)).status, 404)
  console.log(`job ${id} over HTTP`)
})

const Main = HttpRouter.serve(Routes, { disableListenLog: true, disableLogger: true }).pipe(
  Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })),
  Layer.provideMerge(Sluice.layerWorker().pipe(Layer.provide(GreetLive), Layer.provideMerge(Sluice.layerMemory()))),
  Layer.provideMerge(FetchHttpClient.layer)
)

await Effect.runPromise(Effect.provide(program, Main))
