/**
 * What limits cost where they do not bind: a backlog of a thousand keys drained out of the memory store, with the
 * group's policy and without. Each job costs a turn's work of its key twice, when it arrives and when it ends.
 */
import * as Effect from "effect/Effect"
import { type GroupPolicy, Limits, request, ResourceGroup, Sluice, TaskQueue } from "../services/Queue/index.ts"
import { collectGarbage, stopwatch, verify } from "./Measuring.ts"
import { cpuFigure, type Scale, type Variant } from "./Variant.ts"
import { expectedSum, finished, group, payload, Sink, verifyCounters, withWorker, Work } from "./Workload.ts"

const perCall = 1000
const keys = 1000
const slots = 100

const drain = (policy: GroupPolicy) => (scale: Scale) => {
  const sink = new Sink()
  const jobs = scale.quick ? 50_000 : 300_000
  const warmUp = jobs / 5
  return Effect.gen(function* () {
    const queue = yield* TaskQueue
    const limits = yield* Limits
    yield* limits.declare(ResourceGroup.make(group.name, group.limit, { policy }))
    const fill = (count: number) =>
      Effect.forEach(
        Array.from({ length: count / perCall }, (_, i) => i * perCall),
        (from) =>
          queue.enqueueAll(
            Array.from({ length: perCall }, (_, i) =>
              request(Work, payload(from + i), { partitionKey: `customer-${(from + i) % keys}` })
            )
          ),
        { discard: true }
      )
    const run = Effect.fnUntraced(function* (count: number) {
      yield* queue.pause(group.name)
      yield* fill(count)
      sink.reset()
      yield* collectGarbage
      const stop = stopwatch(count)
      yield* queue.resume(group.name)
      yield* finished(sink, count)
      yield* verify("sum of the indexes", sink.sum, expectedSum(count))
      return stop(sink.firstAt)
    })
    yield* run(warmUp)
    const speed = yield* run(jobs)
    yield* verifyCounters({ jobs: warmUp + jobs, retried: 0 })
    return speed
  }).pipe(Effect.provide(withWorker(Sluice.layerMemory(), sink, slots)))
}

const off = "memory/limits/off"

const variant = (name: string, label: string, policy: GroupPolicy): Variant => ({
  name: `memory/limits/${name}`,
  figures: {
    perSec: {
      label: `drain of 1,000 keys, ${label}`,
      unit: "jobs/s",
      ...(name !== "off" && { against: off, target: { atLeast: 0.6, of: "ratio" } })
    },
    cpu: cpuFigure(`drain of 1,000 keys, ${label}`)
  },
  measure: drain(policy)
})

const ofAll = (policy: NonNullable<GroupPolicy["keys"]>[number]["policy"]): GroupPolicy => ({
  keys: [{ keys: "customer-*", policy }]
})

export const variants: ReadonlyArray<Variant> = [
  variant("off", "no limits", {}),
  variant("concurrency", "limits of slots that do not bind", ofAll({ concurrency: 100_000 })),
  variant("rate", "rates that do not bind", ofAll({ rate: { limit: 1_000_000_000, perMs: 1_000 } })),
  variant("fair", "fair shares", { fair: true })
]
