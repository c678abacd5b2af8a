/**
 * The producing process: by the clock one job at a time along the day's curve, accelerated the jobs of one minute after
 * another.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { TaskQueue } from "../services/Queue/index.ts"
import { closedLoop, openLoopBy, sharedNow } from "../bench/Measuring.ts"
import { dueBy, shareAt } from "./DailyCurve.ts"
import { minutes, type SoakPlan } from "./SoakPlan.ts"
import { payload } from "./SoakTask.ts"
import { PlainTask, taskOf } from "./SoakWorkload.ts"

/** Where a part begins. */
export interface PartStart {
  readonly part: number
  /** Number of its first job. */
  readonly from: number
}

/** How far the producer is: the jobs of the part with numbers below `low` are acknowledged. */
export class Produced {
  sent: number
  acknowledged = 0
  done = false
  private readonly open = new Set<number>()

  constructor(from: number) {
    this.sent = from
  }

  /** Numbers must come in ascending order. */
  send(index: number): void {
    this.open.add(index)
    this.sent = index + 1
  }

  acknowledge(index: number): void {
    this.open.delete(index)
    this.acknowledged++
  }

  report() {
    // A set keeps the order of insertion: its first is its least.
    const [oldest = this.sent] = this.open
    return { sent: this.sent, acknowledged: this.acknowledged, low: oldest, done: this.done }
  }
}

const hourMs = 3_600_000

/** Every job at its time; fails with the first that is refused. */
const byTheClock = (plan: SoakPlan, { from, part }: PartStart, produced: Produced) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const context = yield* Effect.context<never>()
    const dayMs = plan.hours * hourMs
    const begun = shareAt(from / plan.jobs) * dayMs
    let left = plan.jobs - from
    const stored = yield* Deferred.make<void, unknown>()
    if (left <= 0) return
    yield* openLoopBy({
      dueAfter: (index) => shareAt((from + index) / plan.jobs) * dayMs - begun,
      jobs: left,
      clock: sharedNow,
      send: (offset, intended) => {
        const index = from + offset
        produced.send(index)
        Effect.runForkWith(context)(
          Effect.asVoid(queue.enqueue(taskOf(plan, index), payload(part, index, intended)))
        ).addObserver((exit) => {
          produced.acknowledge(index)
          if (exit._tag === "Failure") Deferred.doneUnsafe(stored, exit)
          else if (--left === 0) Deferred.doneUnsafe(stored, Effect.void)
        })
      }
    }).pipe(Effect.raceFirst(Effect.andThen(Deferred.await(stored), Effect.never)))
    yield* Deferred.await(stored)
  })

/** Jobs of one `enqueueMany`, and fibers that call it. */
const batch = 100
const callers = 4

const live = TaskQueue.use((queue) =>
  Effect.map(queue.stats, ({ counters }) =>
    counters.reduce(
      (sum, { count, state }) =>
        state === "pending" || state === "scheduled" || state === "running" ? sum + count : sum,
      0
    )
  )
)

/**
 * The jobs of one minute of the day as fast as they are acknowledged; the next minute when no more than a mean minute's
 * are left.
 */
const accelerated = (plan: SoakPlan, { from, part }: PartStart, produced: Produced) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const all = minutes(plan)
    const backlog = plan.jobs / all
    let next = from
    for (let minute = Math.floor(shareAt(from / plan.jobs) * all); next < plan.jobs; minute++) {
      const end = Math.round(plan.jobs * dueBy((minute + 1) / all))
      yield* closedLoop(callers, Math.ceil(Math.max(0, end - next) / batch), () => {
        const first = next
        next = Math.min(end, next + batch)
        const indexes = Array.from({ length: next - first }, (_, i) => first + i)
        for (const index of indexes) produced.send(index)
        const time = sharedNow()
        return Effect.map(
          queue.enqueueMany(
            PlainTask,
            indexes.map((index) => payload(part, index, time))
          ),
          () => {
            for (const index of indexes) produced.acknowledge(index)
          }
        )
      })
      while ((yield* live) > backlog) yield* Effect.sleep("10 millis")
    }
  })

/** Ends when every job of the plan is acknowledged. */
export const produce = (plan: SoakPlan, start: PartStart, produced: Produced) =>
  Effect.tap((plan.accelerated ? accelerated : byTheClock)(plan, start, produced), () =>
    Effect.sync(() => {
      produced.done = true
    })
  )
