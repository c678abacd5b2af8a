/**
 * A memory store whose load is made up: arrivals per minute by a function of time, served at once or not, as roll-ups
 * and counters tell it. What is kept in the store (documents, journals, leads, sessions) is real.
 */
import { Effect, Layer, type Scope } from "effect"
import { empty, Recorder } from "../../../src/services/Queue/policy/Histogram.ts"
import { type RollUp, type RollUpQuery, Sluice } from "../../../src/services/Queue/index.ts"
import { type Store, store as wholeStore } from "../../../src/services/Store/Store.ts"

export interface RecordedLoad {
  readonly group: string
  readonly task: string
  readonly limit: number
  readonly serviceMs: number
  /** Jobs in the minute that begins at this time; undefined: nobody was there to record. */
  arrivals: (at: number) => number | undefined
  pending: number
  running: number
}

const minuteMs = 60_000

/** Bernoulli's way to share a count among parts: the first parts get what does not come out even. */
const partOf = (count: number, part: number, parts: number) =>
  Math.floor((count * (part + 1)) / parts) - Math.floor((count * part) / parts)

const rollUpOf = (load: RecordedLoad, width: RollUp["width"], start: number, arrivals: number): RollUp => {
  const run = new Recorder()
  if (arrivals > 0) run.record(load.serviceMs, arrivals)
  return {
    width,
    start,
    group: load.group,
    task: load.task,
    arrivals,
    starts: arrivals,
    completed: arrivals,
    failed: 0,
    retried: 0,
    dead: 0,
    cancelled: 0,
    recovered: 0,
    deduplicated: 0,
    limited: 0,
    wait: empty,
    run: run.take()
  }
}

/** What came in the interval of a width, undefined when nobody recorded in any of its minutes. */
const within = ({ arrivals }: RecordedLoad, width: RollUp["width"], start: number): number | undefined => {
  if (width <= minuteMs) {
    const minute = Math.floor(start / minuteMs) * minuteMs
    const count = arrivals(minute)
    return count === undefined ? undefined : partOf(count, (start - minute) / width, minuteMs / width)
  }
  let sum: number | undefined
  for (let at = start; at < start + width; at += minuteMs) {
    const count = arrivals(at)
    if (count !== undefined) sum = (sum ?? 0) + count
  }
  return sum
}

/** Nothing is recorded before `since`. */
export const recordedStore = (load: RecordedLoad, since: number): Effect.Effect<Store, never, Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Effect.orDie(Layer.build(Sluice.layerMemory()))
    const real = yield* Effect.provide(wholeStore, context)
    yield* Effect.orDie(real.jobs.declareGroups([{ name: load.group, limit: load.limit }]))
    const starts = ({ from, to, width }: RollUpQuery) => {
      const all: Array<number> = []
      for (let at = Math.ceil(Math.max(from, since) / width) * width; at < to; at += width) all.push(at)
      return all
    }
    return {
      ...real,
      rollUps: {
        ...real.rollUps,
        jobs: (query) =>
          Effect.sync(() =>
            query.group !== undefined && query.group !== load.group
              ? []
              : starts(query).flatMap((start) => {
                  const arrivals = within(load, query.width, start)
                  return arrivals === undefined || arrivals === 0 ? [] : [rollUpOf(load, query.width, start, arrivals)]
                })
          ),
        resources: (query) =>
          Effect.sync(() =>
            starts(query).flatMap((start) =>
              within(load, query.width, start) === undefined
                ? []
                : [
                    {
                      width: query.width,
                      start,
                      beats: 6,
                      cpuMean: 0,
                      rssBytesPeak: 0,
                      heapBytesPeak: 0,
                      loopDelayMsPeak: 0,
                      busyMean: 0
                    }
                  ]
            )
          )
      },
      jobs: {
        ...real.jobs,
        counters: Effect.sync(() =>
          (["pending", "running"] as const).flatMap((state) =>
            load[state] === 0 ? [] : [{ group: load.group, task: load.task, state, count: load[state] }]
          )
        ),
        oldestPending: Effect.sync(() => new Map()),
        groups: Effect.map(real.jobs.groups, (groups) =>
          groups.map((group) => (group.name === load.group ? { ...group, busy: load.running } : group))
        )
      }
    }
  })
