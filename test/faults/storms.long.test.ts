/**
 * Faults, on three worker processes that share one file, while 10,000 jobs of 5 to 50 ms arrive evenly over two
 * minutes: one process is killed with -9 every two seconds and replaced; stopped (SIGSTOP) for 1.2 to 2 leases, or 1 to
 * 12 s, and continued; stopped gently (SIGTERM) every three seconds and replaced, or every second and a half while a
 * fifth of the first attempts fails; or one of all of these. Or the clock of all of them is set by an hour, forward and
 * back.
 *
 * Invariants: no acknowledged job is lost, accepted twice or stuck; a job runs again only where a fault cut it off,
 * after a gentle stop never; no attempt runs twice without a fault; no enqueue is refused, unless the file was held up
 * for longer than it waits; every process that was not killed exits with 0.
 *
 * Bounds: a job that was cut off runs again within L + R + P + 1 s; a gentle stop ends within grace + 2 s.
 *
 * Reduced: 15 s and 1,200 jobs each, or 8 s and 700, the store on its own thread.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { hosts, isReduced } from "../support/faults/FaultSettings.ts"
import { faketime } from "../support/faults/FakeTime.ts"
import { freeze, freezeLong, kill, mixed, stopGently, storm } from "../support/faults/Storm.ts"
import { expectNothingLost } from "../support/faults/StormExpectations.ts"
import { seeds } from "../support/SeededRandom.ts"

const size = isReduced ? { jobs: 1200, seconds: 15, workers: 3 } : { jobs: 10_000, seconds: 120, workers: 3 }
/** Where more kinds are at work. */
const short = isReduced ? { jobs: 700, seconds: 8, workers: 3 } : size
const [seed] = seeds(1)

describe.each(isReduced ? hosts.slice(0, 1) : hosts)("with the store on $host", ({ host, thread }) => {
  it.live("a worker killed every two seconds", () =>
    Effect.gen(function* () {
      const report = yield* storm({ ...size, everyMs: 2000, thread, seed: seed!, fault: kill })
      expectNothingLost(`kills, ${host}, seed ${seed}`, report)
      assert.strictEqual(report.acknowledged, size.jobs)
      assert.isAbove(report.orphans, 0, "the kills hit nothing")
    })
  )

  it.live("workers stopped beyond their lease and continued", () =>
    Effect.gen(function* () {
      const report = yield* storm({ ...size, everyMs: 2000, thread, seed: seed!, fault: freeze })
      expectNothingLost(`stops, ${host}, seed ${seed}`, report)
      assert.strictEqual(report.acknowledged, size.jobs)
      assert.isAbove(report.orphans, 0, "the stops hit nothing")
    })
  )

  it.live("a worker stopped gently every three seconds", () =>
    Effect.gen(function* () {
      const report = yield* storm({ ...size, everyMs: 3000, thread, seed: seed!, fault: stopGently })
      expectNothingLost(`gentle stops, ${host}, seed ${seed}`, report)
      assert.strictEqual(report.acknowledged, size.jobs)
      assert.strictEqual(report.repeated, 0)
    })
  )

  it.live("a worker stopped gently every second and a half, while a fifth of the first attempts fails", () =>
    Effect.gen(function* () {
      const report = yield* storm({
        ...short,
        everyMs: 1500,
        thread,
        seed: seed! + 9,
        fault: stopGently,
        shaky: true
      })
      expectNothingLost(`gentle stops and failures, ${host}, seed ${seed! + 9}`, report)
      assert.isAbove(report.failed, short.jobs / 10)
      // Each further run follows a failure.
      assert.strictEqual(report.repeated, report.failed)
    })
  )

  it.live("a worker killed, stopped for up to 12 s, or stopped gently, while a fifth of the first attempts fails", () =>
    Effect.gen(function* () {
      const report = yield* storm({ ...short, everyMs: 1500, thread, seed: seed! + 20, fault: mixed, shaky: true })
      expectNothingLost(`all of it, ${host}, seed ${seed! + 20}`, report)
      assert.isAbove(report.failed, short.jobs / 10)
    })
  )

  if (!isReduced)
    it.live("workers stopped for 1 to 12 s and continued", () =>
      Effect.gen(function* () {
        const report = yield* storm({ ...short, everyMs: 2000, thread, seed: seed!, fault: freezeLong })
        expectNothingLost(`long stops, ${host}, seed ${seed}`, report)
      })
    )

  it.live("a clock that is set by an hour, forward and back", () =>
    Effect.gen(function* () {
      const clock = yield* faketime
      if (clock === undefined) return console.log("not run: needs libfaketime (apt-get install faketime)")
      const report = yield* storm({
        ...short,
        everyMs: 2500,
        thread,
        seed: seed!,
        fault: (_, random) => Effect.as(clock.setByHours(random.pick([-1, 0, 1])), true),
        spawn: { under: clock.under }
      })
      expectNothingLost(`clocks, ${host}, seed ${seed}`, report)
      assert.strictEqual(report.acknowledged, short.jobs)
      assert.strictEqual(report.repeated, 0)
    }).pipe(Effect.scoped)
  )
})
