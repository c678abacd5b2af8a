/**
 * Faults: handlers that kill, abort or leave their process, exhaust its heap, fail with an error of 50 MB, never
 * settle, do not let themselves be interrupted, reject after they were left, throw what is no error, or answer what
 * cannot be encoded; in the worker's process and in its threads.
 *
 * Invariant: each is buried after exactly its four attempts (a bad result after one) with the cause that fits; all
 * other jobs complete; a poison that is contained costs no process.
 *
 * Reduced: one of each among 300 others, and three of the deadly ones, instead of ten among 1,000.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { FailureCause } from "../../src/services/Queue/Job.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"
import type { threadPoisons } from "../support/faults/FaultTasks.ts"
import { poison, type PoisonReport } from "../support/faults/Poison.ts"

interface Expected {
  readonly cause: FailureCause
  readonly message: RegExp
  readonly attempts?: number
}

const lost: Expected = { cause: "WorkerLost", message: /worker died|lease/ }

/** Handled without harm to the process. */
const contained: Readonly<Record<string, Expected>> = {
  hugeError: { cause: "Defect", message: /^x+…$/ },
  never: { cause: "TimedOut", message: /hard limit of 1500 ms/ },
  deaf: { cause: "TimedOut", message: /hard limit|did not end/ },
  throwsUndefined: { cause: "Defect", message: /undefined/ },
  throwsNumber: { cause: "Defect", message: /42/ },
  rejectsNull: { cause: "Defect", message: /null/ },
  throwsCircular: { cause: "Defect", message: /./ },
  throwsHostile: { cause: "Defect", message: /./ },
  undeclared: { cause: "Defect", message: /not in the task's schema/ },
  badResult: { cause: "BadResult", message: /does not fit/, attempts: 1 },
  unencodable: { cause: "BadResult", message: /does not fit/, attempts: 1 },
  interruptsItself: { cause: "Defect", message: /interrupted itself/ }
}

/** Takes the process along: another has to say what happened. */
const deadly: Readonly<Record<string, Expected>> = {
  kill: lost,
  abort: lost,
  exit: lost,
  heap: lost,
  lateRejection: lost
}

const inThread: Readonly<Record<(typeof threadPoisons)[number], Expected>> = {
  kill: lost,
  exit: { cause: "WorkerLost", message: /exit/i },
  endlessLoop: { cause: "TimedOut", message: /hard limit of 1500 ms/ },
  heap: { cause: "WorkerLost", message: /OutOfMemory/ },
  hugeError: { cause: "Defect", message: /^x+…$/ },
  never: { cause: "TimedOut", message: /hard limit of 1500 ms/ },
  lateRejection: { cause: "WorkerLost", message: /too late/ },
  throwsUndefined: { cause: "Defect", message: /undefined/ },
  badResult: { cause: "BadResult", message: /does not fit/, attempts: 1 },
  unsendable: { cause: "NonRetryable", message: /ResultNotSendable/, attempts: 1 }
}

const each = isReduced ? 1 : 10
const others = isReduced ? 300 : 1000

const expectBuried = (report: PoisonReport, expected: Readonly<Record<string, Expected>>) => {
  const wrong: Array<string> = []
  for (const [kind, jobs] of report.poison) {
    const { attempts = 4, cause, message } = expected[kind]!
    assert.strictEqual(jobs.length, each)
    for (const { attempt, failure, state } of jobs) {
      if (state === "failed" && attempt === attempts && failure?.cause === cause && message.test(failure.message))
        continue
      wrong.push(`${kind}: ${state} after ${attempt} attempts, ${failure?.cause}: ${failure?.message.slice(0, 200)}`)
    }
  }
  assert.deepStrictEqual(wrong, [])
  assert.deepStrictEqual(
    report.others
      .filter(({ state }) => state !== "completed")
      .map(({ failure, id, state }) => ({ id, state, failure })),
    []
  )
}

describe("in the worker's process", () => {
  it.live("contained poison is buried with its cause, and costs no process", () =>
    Effect.gen(function* () {
      const report = yield* poison({ process: Object.keys(contained), each, others, withinMs: 400_000 })
      expectBuried(report, contained)
      assert.strictEqual(report.workersUsed, 2)
    })
  )

  for (const kind of isReduced ? ["kill", "exit", "heap"] : Object.keys(deadly)) {
    it.live(`${kind}: buried as a lost worker after its attempts, the others done`, () =>
      Effect.gen(function* () {
        const report = yield* poison({
          process: [kind],
          each,
          others,
          withinMs: 400_000,
          nodeFlags: ["--max-old-space-size=96"]
        })
        expectBuried(report, deadly)
        assert.isAbove(report.workersUsed, 2)
      })
    )
  }
})

describe("in a thread", () => {
  it.live("poison is buried with its cause, and costs the thread alone", () =>
    Effect.gen(function* () {
      const kinds = Object.keys(inThread).filter((kind) => kind !== "kill") as Array<(typeof threadPoisons)[number]>
      const report = yield* poison({ thread: kinds, each, others, withinMs: 600_000 })
      expectBuried(report, inThread)
      assert.strictEqual(report.workersUsed, 2)
    })
  )

  it.live("a thread that kills the process is buried as a lost worker, the others done", () =>
    Effect.gen(function* () {
      const report = yield* poison({ thread: ["kill"], each, others, withinMs: 400_000 })
      expectBuried(report, inThread)
    })
  )
})
