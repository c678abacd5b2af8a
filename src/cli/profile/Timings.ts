/** Measures a task for comparisons: rounds of so many jobs on a queue in memory, each beside a fixed piece of work. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ProfilerSettings, Sluice, type Task, TaskQueue } from "../../services/Queue/index.ts"
import type { Timings } from "../../api/ProfileShape.ts"
import type { Handlers } from "../worker/TaskModule.ts"

/** Rounds that are run and not counted: V8 optimises meanwhile. */
const warmUp = 3
/** Jobs enqueued in one call. */
const most = 1000

/** A worker on a queue in memory with the module's handlers. */
export const layerOf = (handlers: Handlers, profiled: boolean) =>
  Sluice.layerWorker().pipe(
    Layer.provideMerge(handlers),
    Layer.provideMerge(Sluice.layerMemory()),
    Layer.provide(Layer.succeed(ProfilerSettings.Settings, { ...ProfilerSettings.defaults, enabled: profiled }))
  )

/** Runs the task so many times and answers the results; fails as the first job that fails. */
export const runJobs = (task: Task.AnyTask, payload: unknown, times: number) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const results: Array<unknown> = []
    for (let done = 0; done < times; done += most) {
      const payloads = Array.from({ length: Math.min(most, times - done) }, () => payload)
      for (const result of yield* queue.runMany(task, payloads)) results.push(result)
    }
    return results
  })

/** CPU time of all threads of this process and time by the wall, in microseconds. */
export const spent = () => {
  const { system, user } = process.cpuUsage()
  return { cpu: user + system, wall: performance.now() * 1000 }
}

/**
 * A fixed piece of work of the kinds a handler is made of (arithmetic, objects, strings, sorting), about 15 ms. Its own
 * CPU time says what the machine was worth at that moment: clocks that change, neighbours that fill the caches.
 */
const yardstick = (): number => {
  let seed = 1
  let sum = 0
  for (let i = 0; i < 60; i++) {
    const rows = Array.from({ length: 500 }, (_, k) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      return { k, key: `key-${seed % 1000}`, value: seed / 3 }
    })
    rows.sort((a, b) => (a.key < b.key ? -1 : 1))
    sum += JSON.stringify(rows).length
  }
  return sum
}

export const measure = (task: Task.AnyTask, payload: unknown, times: number, rounds: number) =>
  Effect.gen(function* () {
    const cpuUs: Array<number> = []
    const wallUs: Array<number> = []
    const yardstickUs: Array<number> = []
    for (let round = -warmUp; round < rounds; round++) {
      const start = spent()
      yardstick()
      const between = spent()
      yield* runJobs(task, payload, times)
      const end = spent()
      if (round < 0) continue
      yardstickUs.push(between.cpu - start.cpu)
      cpuUs.push((end.cpu - between.cpu) / times)
      wallUs.push((end.wall - between.wall) / times)
    }
    const timings: Timings = { task: task.name, times, cpuUs, wallUs, yardstickUs }
    return timings
  })
