/**
 * Measures a task of two modules in one process, in turn, a round of the one beside a round of the other: a busy
 * neighbour, a slower clock, caches that another process has emptied meet both. Each module has a queue and a worker
 * of its own.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { TaskQueue } from "../../services/Queue/index.ts"
import { fail } from "../Failure.ts"
import type { PairTimings } from "../../api/ProfileShape.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import { moduleHandlers, payloadOf, taskOf } from "../worker/NamedTask.ts"
import { median } from "./FreshRuns.ts"
import type { PairMetric } from "./RunFlags.ts"
import { layerOf, runJobs, spent } from "./Timings.ts"

export interface PairRun {
  readonly task: string
  /** Of the module that is loaded, and in every other round measured, first. */
  readonly first: string
  readonly second: string
  readonly payload: string
  readonly maxPayloadBytes: number
  readonly times: number
  readonly rounds: number
  readonly metric: PairMetric
}

/** What a round cost, by figure. */
type Costs = ReadonlyMap<string, number>

const isCosts = Schema.is(Schema.Record(Schema.String, Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))))

/** Means over the jobs of a round. */
const answered = (task: string, results: ReadonlyArray<unknown>) =>
  Effect.gen(function* () {
    const means = new Map<string, number>()
    for (const result of results) {
      if (!isCosts(result))
        return yield* fail(
          "usage",
          `${Sanitize.line(task)} answered ${Sanitize.line(JSON.stringify(result) ?? "nothing").slice(0, 100)}; with --metric answer a task answers costs by name, as { parse: 12.5 }`
        )
      for (const [name, cost] of Object.entries(result)) means.set(name, (means.get(name) ?? 0) + cost / results.length)
    }
    return means as Costs
  })

const side = (file: string, { maxPayloadBytes, metric, payload: text, task: name, times }: PairRun) =>
  Effect.gen(function* () {
    const handlers = yield* moduleHandlers(file)
    const context = yield* Layer.build(Layer.fresh(layerOf(handlers, false)))
    const task = yield* Effect.provideContext(taskOf(file, name), context)
    const payload = yield* payloadOf(task, text, maxPayloadBytes)
    const round = Effect.gen(function* () {
      yield* TaskQueue
      const start = spent()
      const results = yield* runJobs(task, payload, times)
      const end = spent()
      return metric === "answer"
        ? yield* answered(name, results)
        : new Map([[metric, (end[metric] - start[metric]) / times]])
    })
    return Effect.provideContext(round, context)
  })

/** Before a figure counts V8 has to have compiled both: so many rounds for each that counts. */
const warmUp = 0.5

export const measurePair = (run: PairRun) =>
  Effect.gen(function* () {
    const first = yield* side(run.first, run)
    const second = yield* side(run.second, run)
    const pairs = new Map<string, Array<readonly [number, number]>>()
    for (let round = -Math.max(3, Math.ceil(run.rounds * warmUp)); round < run.rounds; round++) {
      const early = yield* round % 2 === 0 ? first : second
      const late = yield* round % 2 === 0 ? second : first
      if (round < 0) continue
      const [a, b] = round % 2 === 0 ? [early, late] : [late, early]
      for (const [figure, cost] of a) {
        const other = b.get(figure)
        if (other === undefined) continue
        if (!pairs.has(figure)) pairs.set(figure, [])
        // Shorter than the clock's tick.
        if (cost > 0 && other > 0) pairs.get(figure)!.push([cost, other])
      }
    }
    const figures: Array<PairTimings["figures"][number]> = []
    for (const [figure, rounds] of pairs) {
      if (rounds.length < run.rounds / 2)
        return yield* fail("usage", `${Sanitize.line(figure)} is too short to measure; give more --times`)
      figures.push({
        figure,
        ratio: median(rounds.map(([a, b]) => b / a)),
        before: median(rounds.map(([a]) => a)),
        after: median(rounds.map(([, b]) => b))
      })
    }
    const timings: PairTimings = { task: run.task, times: run.times, figures }
    return timings
  })
