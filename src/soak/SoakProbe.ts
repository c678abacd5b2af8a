/**
 * Whether the queue answers: a job each second, asked of the store like any other, in a group of its own that always
 * has free slots.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ResourceGroup, Task, TaskQueue } from "../services/Queue/index.ts"
import { sharedNow } from "../bench/Measuring.ts"
import type { Answers } from "./SoakSamples.ts"

export const probes = ResourceGroup.make("soak-probes", 100)

/** Answers when it was started, on the clock that all processes of the machine share. */
const ProbeTask = Task.make(probes.name, {
  payload: Schema.Finite,
  success: Schema.Finite,
  group: probes,
  retry: "quick"
})

export const slots = { [probes.name]: 10 }
export const layer = ProbeTask.toLayer(() => Effect.sync(sharedNow))

const everyMs = 1000
/** An answer that takes longer comes too late to count. */
export const inTimeMs = 1000
/** An answer is waited for so long, so that the longest is known. */
const patienceMs = 60_000

const none = () => ({ missed: [] as number[], longestMs: 0 })

/** Seconds of a part, and those in which the queue did not answer in time. */
export class Probes {
  private asked = 0
  private enqueue = none()
  private claim = none()

  /** The milliseconds from asking to each answer; undefined: there was none. */
  record(second: number, enqueueMs: number | undefined, claimMs: number | undefined): void {
    this.asked++
    for (const [answers, ms] of [
      [this.enqueue, enqueueMs],
      [this.claim, claimMs]
    ] as const) {
      if (ms === undefined || ms > inTimeMs) answers.missed.push(second)
      answers.longestMs = Math.max(answers.longestMs, ms ?? patienceMs)
    }
  }

  /** What was recorded since it was last asked. */
  take() {
    const { asked, claim, enqueue } = this
    this.asked = 0
    this.enqueue = none()
    this.claim = none()
    return { asked, enqueue, claim } satisfies { asked: number; enqueue: Answers; claim: Answers }
  }
}

/**
 * Asks each second, until it is interrupted. A second in which it could not ask, the machine standing still, counts as
 * one without an answer.
 */
export const probing = (probes: Probes): Effect.Effect<never, never, TaskQueue> =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const begun = sharedNow()
    const probe = (second: number) =>
      Effect.gen(function* () {
        const asked = sharedNow()
        let enqueueMs: number | undefined
        const claimMs = yield* Effect.gen(function* () {
          const handle = yield* queue.enqueue(ProbeTask, asked)
          enqueueMs = sharedNow() - asked
          return (yield* handle.await) - asked
        }).pipe(
          Effect.timeout(patienceMs),
          Effect.catchCause(() => Effect.succeed(undefined))
        )
        probes.record(second, enqueueMs, claimMs)
      })
    for (let second = 0; ; second++) {
      const late = sharedNow() - begun - second * everyMs
      if (late < 0) yield* Effect.sleep(-late)
      if (late >= everyMs) probes.record(second, undefined, undefined)
      else yield* Effect.forkChild(probe(second))
    }
  })
