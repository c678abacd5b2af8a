import { assert, describe, it } from "@effect/vitest"
import {
  defaultBoundMs,
  noRankings,
  noRuns,
  orders,
  passedUntil,
  type Ranking,
  rankBy,
  rankIn,
  rankingOf
} from "../../../../src/services/Queue/policy/Order.ts"
import { placeOf, placesSeen } from "../../../../src/services/Queue/policy/Place.ts"
import { rank } from "../../../../src/services/Queue/policy/Rank.ts"
import type { JobId } from "../../../../src/services/Queue/Job.ts"
import { makeLoad, simulate } from "../../../../scripts/evaluate/order.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

const minute = 60_000

const runs = new Map([
  ["short", { ms: 100, share: 0.1 }],
  ["long", { ms: minute, share: 1 }]
])

const ranking = (order: Ranking["order"], boundMs = 10 * minute): Ranking => ({ order, boundMs, runs })

describe("the order of a group", () => {
  for (const seed of seeds(2)) {
    it(`no order lets a job be passed by one due more than its bound after it (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const job = () => ({
        due: random.below(40 * minute),
        priority: 1 + random.below(10),
        task: random.pick(["short", "long", "unknown"]),
        deadline: random.chance(0.6) ? random.below(80 * minute) - 20 * minute : undefined
      })
      for (let i = 0; i < 2_000; i++) {
        const by = ranking(random.pick(orders), random.below(30 * minute))
        const boundMs = by.order === "fifo" ? 0 : by.boundMs
        const [a, b] = [job(), job()]
        const rankOf = ({ deadline, due, priority, task }: typeof a) => rankBy(by, task, due, priority, deadline)
        if (rankOf(a) <= rankOf(b)) assert.isAtMost(a.due - b.due, boundMs)
        assert.isTrue(Number.isInteger(rankOf(a)))
        assert.isAtLeast(rankOf(a), a.due)
        // What `passedUntil` says: nothing due then or later has a smaller rank.
        const until = passedUntil(by, rankOf(a))
        assert.isAtMost(until - a.due, boundMs)
        if (b.due >= until) assert.isAtLeast(rankOf(b), rankOf(a))
        // While a group changes: one ranked by the order before, one by the order after.
        const other = ranking(random.pick(orders), random.below(30 * minute))
        const rankAfter = rankBy(other, b.task, b.due, b.priority, b.deadline)
        const mixedBoundMs = Math.ceil((10 / 9) * Math.max(by.boundMs, other.boundMs))
        if (rankOf(a) <= rankAfter) assert.isAtMost(a.due - b.due, mixedBoundMs)
        if (rankAfter <= rankOf(a)) assert.isAtMost(b.due - a.due, mixedBoundMs)
      }
    })
  }

  it("without a choice is what priorities always were", () => {
    const plain = (due: number, priority: number) => rankIn(noRankings, "g", "short", due, priority, 5)
    assert.strictEqual(plain(1_000, 7), rank(1_000, 7, 30_000))
    const other = { ...noRankings, groups: new Map([["other", ranking("fifo")]]) }
    assert.strictEqual(rankIn(other, "g", "short", 1_000, 7, undefined), rank(1_000, 7, 30_000))
    const { boundMs, order } = rankingOf(noRankings, "g")
    assert.strictEqual(rankBy({ order, boundMs, runs: noRuns }, "short", 1_000, 7, undefined), rank(1_000, 7, 30_000))
    assert.strictEqual(boundMs, defaultBoundMs("priority", 30_000))
  })

  it("deadline-first counts back from the deadline by the expected run, and never before the job was due", () => {
    const rankOf = (task: string, deadline: number | undefined) => rankBy(ranking("deadline"), task, 0, 5, deadline)
    assert.strictEqual(rankOf("long", 3 * minute), 2 * minute)
    assert.strictEqual(rankOf("unknown", 3 * minute), 3 * minute)
    assert.strictEqual(rankOf("long", -minute), 0)
    assert.strictEqual(rankOf("long", 60 * minute), 10 * minute)
    assert.strictEqual(rankOf("long", undefined), 10 * minute)
  })

  it("the score is better with each of its terms, and half of it is importance", () => {
    const by = ranking("score")
    const rankOf = (priority: number, task: string, deadline: number | undefined) =>
      rankBy(by, task, 0, priority, deadline)
    assert.isBelow(rankOf(1, "long", undefined), rankOf(2, "long", undefined))
    assert.isBelow(rankOf(5, "short", undefined), rankOf(5, "unknown", undefined))
    assert.isBelow(rankOf(5, "unknown", undefined), rankOf(5, "long", undefined))
    assert.isBelow(rankOf(5, "long", 2 * minute), rankOf(5, "long", 4 * minute))
    assert.strictEqual(rankOf(10, "long", undefined) - rankOf(1, "long", undefined), 5 * minute)
    assert.strictEqual(rankOf(10, "long", undefined), 10 * minute)
  })

  it("finds a job's place among those up next, and says when it looked at no more", () => {
    const upNext = Array.from({ length: placesSeen }, (_, i) => ({
      id: (i + 1) as JobId,
      task: "short",
      priority: 5,
      due: i,
      rank: i
    }))
    const place = (id: number, due: number, ownRank: number) =>
      placeOf({
        job: { id: id as JobId, task: "short", priority: 5, due, rank: ownRank },
        deadline: undefined,
        ranking: ranking("fifo", 0),
        upNext
      })
    assert.deepInclude(place(11, 10, 10), { ahead: 10, passing: 0, isExact: true, expectedRunMs: 100 })
    assert.deepInclude(place(5_000, 100, 5_000), { ahead: 1_000, passing: 899, isExact: false })
    assert.deepStrictEqual(
      place(5_000, 100, 5_000).passedBy.map(({ due }) => due),
      [101, 102, 103]
    )
  })
})

describe("orders on the same load, at saturation", () => {
  const load = makeLoad(1)
  const outcomes = new Map(orders.map((order) => [order, simulate(load, order)]))
  const of = (order: (typeof orders)[number]) => outcomes.get(order)!

  it("all keep their bounds", () => {
    for (const order of orders) assert.isAtMost(of(order).passedByMs, defaultBoundMs(order, 30_000))
    assert.isAbove(of("fifo").meanWaitMs, minute, "saturated")
  })

  it("shortest-first at least halves the mean wait and the slowdown", () => {
    assert.isBelow(of("shortest").meanWaitMs, of("fifo").meanWaitMs / 2)
    assert.isBelow(of("shortest").slowdown, of("fifo").slowdown / 2)
  })

  it("deadline-first misses at most a fifth of the deadlines that are missed first come, first served", () => {
    assert.isBelow(1 - of("deadline").deadlinesMet, (1 - of("fifo").deadlinesMet) / 5)
  })

  it("the score does better than priorities at everything but what priorities are for, and there too", () => {
    assert.isBelow(of("score").meanWaitMs, of("priority").meanWaitMs)
    assert.isAbove(of("score").deadlinesMet, of("priority").deadlinesMet)
    assert.isBelow(of("score").importantWaitMs, of("fifo").importantWaitMs)
  })
})
