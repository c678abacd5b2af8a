// An API that takes 20 calls a second and answers 429 to the others: the rate is found, no attempt is spent.
import { Effect, Layer, Schema } from "effect"
import assert from "node:assert/strict"
import { once } from "node:events"
import http from "node:http"
import type { AddressInfo } from "node:net"
import { Limits, RateLimited, ResourceGroup, Sluice, Task, TaskQueue } from "../src/index.ts"

let second = 0
let calls = 0
let refused = 0
const api = http.createServer((_, response) => {
  const now = Math.floor(Date.now() / 1_000)
  if (now !== second) calls = 0
  second = now
  if (++calls <= 20) return response.end("ok")
  refused++
  return response.writeHead(429, { "retry-after": "1" }).end()
})
api.listen(0, "127.0.0.1")
await once(api, "listening")
const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`

const Call = Task.make("call", {
  payload: Schema.Int,
  // Never more than 100 a second; what the API takes is found out.
  group: ResourceGroup.make("api", 5, { policy: { rate: { limit: 100, perMs: 1_000 }, adaptive: true } })
})

const CallLive = Call.toLayer(() =>
  Effect.promise(() => fetch(url)).pipe(
    // 429, and 503 with `Retry-After`: put off until then, and nothing else of the group starts before.
    Effect.flatMap(RateLimited.refuse),
    Effect.asVoid
  )
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const jobs = yield* queue.enqueueMany(
    Call,
    Array.from({ length: 100 }, (_, i) => i)
  )
  for (const job of jobs) {
    yield* job.await
    assert.equal((yield* job.status).attempt, 1)
  }
  const { feedback } = yield* Limits.use((limits) => limits.get("api"))
  console.log(`100 calls done, ${refused} refused; found ${feedback?.rate?.taken.toFixed(1)} a second`)
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(
      Sluice.layerWorker({ slots: { api: 5 } }).pipe(Layer.provide(CallLive), Layer.provideMerge(Sluice.layerMemory()))
    )
  )
)
api.close()
assert.ok(refused < 50)
