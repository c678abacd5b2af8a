import { assert, describe, it } from "@effect/vitest"
import type { JobId } from "../../../../../src/services/Queue/Job.ts"
import { ClockDifference } from "../../../../../src/services/Queue/policy/ClockDifference.ts"
import { changeIn, intervalIn, turnIn } from "../../../../../src/services/Queue/policy/jobs/StoreTime.ts"
import { noRankings } from "../../../../../src/services/Queue/policy/Order.ts"
import type { NewJob, Turn } from "../../../../../src/services/Store/Turn.ts"

const now = 1_800_000_000_000

const job: NewJob = {
  task: "task",
  group: "group",
  priority: 5,
  due: now + 1,
  rank: now + 2,
  maxAttempts: 4,
  version: 0,
  payload: { at: now },
  partitionKey: undefined,
  expiresAt: now + 3,
  unique: { key: "k", onConflict: "reject", windowMs: 1_000 },
  after: undefined,
  extra: { deadline: now + 4, softLimit: 5 }
}

const turn: Turn = {
  now,
  session: 3,
  settle: [
    {
      id: 1 as JobId,
      attempt: 1,
      outcome: "retry",
      result: undefined,
      failure: { cause: "Failed", message: "m", attempt: 1, at: now },
      due: now + 5,
      rank: now + 6,
      runMs: 7,
      followUp: { jobs: [job], afterJobs: [0], afterIds: [] }
    }
  ],
  enqueue: [job, { ...job, expiresAt: undefined, extra: undefined }],
  batches: undefined,
  claim: [{ group: "group", limit: 1 }],
  progress: [{ id: 1 as JobId, attempt: 1, value: now }],
  logs: [{ id: 1 as JobId, attempt: 1, at: now, level: "info", message: "m" }]
}

/** Paths of the numbers that differ, with by how much. */
const differences = (a: unknown, b: unknown, path = ""): ReadonlyArray<string> => {
  if (typeof a === "number" && typeof b === "number") return a === b ? [] : [`${path.slice(1)} ${b - a}`]
  if (typeof a !== "object" || a === null) return []
  const fields = (value: unknown) => value as Readonly<Record<string, unknown>>
  return Object.keys(a).flatMap((key) => differences(fields(a)[key], fields(b)[key], `${path}.${key}`))
}

describe("calls in the time of a store", () => {
  it("have each of their times moved, and nothing else", () => {
    assert.deepStrictEqual(differences(turn, turnIn(turn, 10)), [
      "now 10",
      "settle.0.failure.at 10",
      "settle.0.due 10",
      "settle.0.rank 10",
      "settle.0.followUp.jobs.0.due 10",
      "settle.0.followUp.jobs.0.rank 10",
      "settle.0.followUp.jobs.0.expiresAt 10",
      "settle.0.followUp.jobs.0.extra.deadline 10",
      "enqueue.0.due 10",
      "enqueue.0.rank 10",
      "enqueue.0.expiresAt 10",
      "enqueue.0.extra.deadline 10",
      "enqueue.1.due 10",
      "enqueue.1.rank 10",
      "logs.0.at 10"
    ])
    const edit = { _tag: "Edit", due: 1, notBefore: 2, deadline: 3, priority: 4, rankings: noRankings } as const
    assert.deepStrictEqual(changeIn(edit, 10), { ...edit, due: 11, notBefore: 12, deadline: 13 })
    assert.deepStrictEqual(intervalIn({ from: 1, tag: "t" }, 10), { from: 11, tag: "t" })
  })

  it("come back as they were from there", () => {
    assert.deepStrictEqual(turnIn(turnIn(turn, 120_000), -120_000), turn)
  })
})

describe("the difference of two clocks", () => {
  const differenceAfter = (...samples: ReadonlyArray<number>): number => {
    const difference = new ClockDifference()
    for (const sample of samples) difference.observe(now, now + sample)
    return difference.ms
  }

  it("is what the quickest message says, and none within a second", () => {
    assert.strictEqual(differenceAfter(), 0)
    assert.strictEqual(differenceAfter(999), 0)
    assert.strictEqual(differenceAfter(9_000, 40), 0)
    assert.strictEqual(differenceAfter(125_000, 120_000, 121_000), 120_000)
    assert.strictEqual(differenceAfter(-120_000, -119_000), -120_000)
  })

  it("follows a clock that was set, after as many messages as are looked at", () => {
    assert.strictEqual(differenceAfter(-5_000, ...Array.from({ length: 16 }, () => 7_000)), 7_000)
  })
})
