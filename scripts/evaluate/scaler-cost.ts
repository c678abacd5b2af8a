// What deciding for many groups costs: groups with a daily curve each on the memory store, on a virtual clock, minute
// by minute.
//
//   node scripts/evaluate/scaler-cost.ts [groups] [minutes] [warm-up minutes]        (default 1000 30 120)
//
// Prints the CPU time of the scaler's rounds per simulated minute, as a part of one core, and the heap. Only the rounds
// are measured: the load itself is made outside of them.

import { Clock, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { JobStore, PredictiveScaler, Sluice, WorkerRegistry } from "../../src/services/Queue/index.ts"
import type { NewJob } from "../../src/services/Store/Turn.ts"

const [groups = 1000, minutes = 30, warmUp = 120] = process.argv.slice(2).map(Number)
const roundsPerMinute = 4

/** A daily curve with noise that is the same each time. */
let seed = 42
const random = () => {
  seed = (seed * 1664525 + 1013904223) >>> 0
  return seed / 2 ** 32
}
const arrivals = (group: number, minute: number): number => {
  const mean = 2 + (group % 7) + (1 + (group % 3)) * Math.sin((2 * Math.PI * (minute + group * 13)) / 1440)
  let count = 0
  for (let p = random(), bound = Math.exp(-mean); p > bound; p *= random()) count++
  return count
}

const job = (group: number, now: number): NewJob => ({
  task: "work",
  group: `group-${group}`,
  priority: 5,
  due: now,
  rank: now,
  maxAttempts: 1,
  version: 0,
  payload: null,
  partitionKey: undefined,
  expiresAt: undefined,
  unique: undefined,
  after: undefined,
  extra: undefined
})

const measure = Effect.gen(function* () {
  const store = yield* JobStore
  const scaler = yield* PredictiveScaler
  const names = Array.from({ length: groups }, (_, i) => ({ name: `group-${i}`, limit: 50 }))
  yield* store.declareGroups(names)
  const info = { name: "bench", host: "bench", pid: 1, version: "0", slots: {}, tasks: ["work"] }
  const session = yield* (yield* WorkerRegistry).join(info, { now: yield* Clock.currentTimeMillis, leaseMs: 1e12 })
  const nothing = { session, settle: [], enqueue: [], batches: undefined, claim: [], progress: [], logs: [] }

  const minute = (index: number) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const enqueue = names.flatMap((_, group) => Array.from({ length: arrivals(group, index) }, () => job(group, now)))
      const { jobs } = yield* store.turn({
        ...nothing,
        now,
        enqueue,
        claim: names.map(({ name }) => ({ group: name, limit: 50 }))
      })
      const settle = jobs.map(({ attempt, id }) => ({
        id,
        attempt,
        outcome: "completed" as const,
        result: null,
        failure: undefined,
        due: now,
        rank: now,
        runMs: 1000 + 2000 * random()
      }))
      yield* store.turn({ ...nothing, now: now + 3000, settle })
      let cpuMs = 0
      for (let round = 0; round < roundsPerMinute; round++) {
        const before = process.cpuUsage()
        yield* scaler.scalePreemptively
        const { system, user } = process.cpuUsage(before)
        cpuMs += (system + user) / 1000
        yield* TestClock.adjust(60_000 / roundsPerMinute)
      }
      return cpuMs
    })

  for (let i = 0; i < warmUp; i++) yield* minute(i)
  const costs: Array<number> = []
  for (let i = warmUp; i < warmUp + minutes; i++) costs.push(yield* minute(i))
  costs.sort((a, b) => a - b)
  const mean = costs.reduce((a, b) => a + b, 0) / costs.length
  const { heapUsed, rss } = process.memoryUsage()
  const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
  console.log(
    `${groups} groups after ${warmUp} minutes: ${mean.toFixed(0)} ms CPU per minute (most ${costs.at(-1)!.toFixed(0)}), ${((mean / 60_000) * 100).toFixed(1)} % of a core; heap ${megabytes(heapUsed)}, resident ${megabytes(rss)}`
  )
})

const layer = Sluice.layerPredictiveScaler.pipe(
  Layer.provideMerge(Sluice.layerMemory({ maxFinished: 1000 })),
  Layer.provideMerge(TestClock.layer())
)
await Effect.runPromise(measure.pipe(Effect.provide(layer), Effect.scoped))
