/** Waiting until no job is pending or running, with progress: what `queue drain` does. */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isWorkerAlive, TaskQueue } from "../../services/Queue/index.ts"
import { fail } from "../Failure.ts"
import { existing } from "../GroupArgument.ts"
import { output } from "../Output.ts"
import { Progress, progressMode } from "../terminal/Progress.ts"

const lookEvery = "250 millis"

const wait = (group: string | undefined) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const progress = yield* Progress
    const expected = new Map<string, number>()
    for (;;) {
      const { counters, workers } = yield* queue.stats
      const left = new Map<string, { waiting: number; running: number }>()
      for (const { count, group: name, state } of counters) {
        if ((group !== undefined && name !== group) || (state !== "pending" && state !== "running")) continue
        const there = left.get(name) ?? { waiting: 0, running: 0 }
        left.set(
          name,
          state === "pending"
            ? { ...there, waiting: there.waiting + count }
            : { ...there, running: there.running + count }
        )
      }
      if (left.size === 0) return
      const now = yield* Clock.currentTimeMillis
      if (!workers.some((worker) => isWorkerAlive(worker, now)))
        return yield* fail("conflict", "no worker is alive, so nothing will drain; start one with: sluice worker -d")
      for (const name of new Set([...left.keys(), ...expected.keys()])) {
        const { running, waiting } = left.get(name) ?? { running: 0, waiting: 0 }
        const most = Math.max(expected.get(name) ?? 0, running + waiting)
        expected.set(name, most)
        yield* progress.observe(name, { expected: most, done: most - running - waiting, failed: 0, running })
      }
      yield* Effect.sleep(lookEvery)
    }
  })

/** Of all groups, or of one; gives up after `timeout`. */
export const drainGroups = (group: string | undefined, timeout: Option.Option<Duration.Duration>) =>
  Effect.gen(function* () {
    const out = yield* output
    if (group !== undefined) yield* existing(group)
    const mode = progressMode({ quiet: out.quiet, lively: out.lively })
    const waiting = wait(group).pipe(
      Effect.provide(Progress.layer({ mode, stdout: out.stdout, stderr: out.stderr, style: out.noteStyle }))
    )
    const done = yield* Option.isSome(timeout) ? Effect.timeoutOption(waiting, timeout.value) : Effect.asSome(waiting)
    if (Option.isNone(done)) return yield* fail("timedOut", "jobs are still pending or running")
  })
