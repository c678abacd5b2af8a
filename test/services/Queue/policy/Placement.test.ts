import { assert, describe, it } from "@effect/vitest"
import {
  advice,
  type Evidence,
  groupOf,
  learned,
  type Placement,
  roundAttempts,
  unknown
} from "../../../../src/services/Queue/policy/Placement.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

const minute = 60_000
const mebibyte = 1024 ** 2

/** Twenty attempts, each computing and waiting so long. */
const round = (cpuMs: number, waitMs: number, more: { diskPart?: number; mebibytes?: number } = {}): Evidence => ({
  attempts: roundAttempts,
  runMs: roundAttempts * (cpuMs + waitMs),
  cpuMs: roundAttempts * cpuMs,
  waitMs: roundAttempts * waitMs,
  diskMs: roundAttempts * waitMs * (more.diskPart ?? 0),
  bytes: roundAttempts * (more.mebibytes ?? 0) * mebibyte
})

const computes = round(20, 1)
const waits = round(1, 50)
const reads = round(2, 20, { diskPart: 0.9 })
const hoards = round(5, 50, { mebibytes: 200 })

/** A round each minute. */
const placedBy = (rounds: ReadonlyArray<Evidence>, from = unknown("t", null, false)): Placement =>
  rounds.reduce((placement, evidence, i) => learned(placement, evidence, (i + 1) * minute), from)

describe("where a task belongs", () => {
  it("is open until two rounds of twenty attempts agree", () => {
    assert.isUndefined(groupOf(undefined))
    assert.isUndefined(groupOf(placedBy([waits])))
    assert.isUndefined(groupOf(placedBy([waits, computes])))
    assert.strictEqual(groupOf(placedBy([computes, waits, waits])), "network")
  })

  for (const [what, evidence, group] of [
    ["computing", computes, "computation"],
    ["waiting for others", waits, "network"],
    ["waiting for the disk", reads, "filesystem"],
    ["much memory", hoards, "memory-intensive"],
    ["hardly anything", round(0.05, 0.2), "computation"]
  ] as const) {
    it(`follows from its attempts: ${what} is ${group}`, () => {
      assert.strictEqual(groupOf(placedBy([evidence, evidence])), group)
    })
  }

  it("changes with the task, no sooner than ten minutes after it was decided", () => {
    const placed = placedBy([waits, waits])
    const changed = placedBy(
      Array.from({ length: 15 }, () => computes),
      placed
    )
    assert.strictEqual(changed.fit, "computation")
    assert.strictEqual(changed.moves, 2)
    assert.strictEqual(
      placedBy(
        Array.from({ length: 9 }, () => computes),
        placed
      ).fit,
      "network"
    )
  })

  it("stays for a task between two groups", () => {
    for (const seed of seeds(20)) {
      const random = new SeededRandom(seed)
      // From 32 % to 48 % computing: below what makes it computing, above what ends that.
      const between = () => {
        const part = 0.32 + 0.16 * random.next()
        return round(20 * part, 20 * (1 - part))
      }
      const computing = placedBy([computes, computes, ...Array.from({ length: 300 }, between)])
      assert.deepStrictEqual([computing.fit, computing.moves], ["computation", 1])
      const waiting = placedBy([waits, waits, ...Array.from({ length: 300 }, between)])
      assert.deepStrictEqual([waiting.fit, waiting.moves], ["network", 1])
    }
  })

  it("moves at most six times an hour, whatever is seen", () => {
    for (const seed of seeds(20)) {
      const random = new SeededRandom(seed)
      const any = () => random.pick([computes, waits, reads, hoards])
      let placement = unknown("t", null, false)
      const moved: Array<number> = []
      for (let i = 1; i <= 3000; i++) {
        // What is seen twice is believed: each is seen two or three times.
        const seen = any()
        for (let again = random.below(2) + 2; again > 0; again--) {
          const before = placement
          placement = learned(placement, seen, i * 20_000)
          if (placement.moves > before.moves) moved.push(i * 20_000)
        }
      }
      for (let i = 6; i < moved.length; i++) assert.isAtLeast(moved[i]! - moved[i - 6]!, 60 * minute)
    }
  })

  it("is only advised where the definition names a group", () => {
    const declared = placedBy([waits, waits], unknown("t", "computation", false))
    assert.isUndefined(groupOf(declared))
    assert.match(advice(declared)!, /declares group computation and behaves like network/)
    assert.isUndefined(advice(placedBy([waits, waits], unknown("t", "network", false))))
    // A group of the program's own may stand for anything.
    assert.isUndefined(advice(placedBy([waits, waits], unknown("t", "crm", false))))
  })

  it("is no group that none of its workers serves", () => {
    assert.isUndefined(groupOf({ ...placedBy([waits, waits]), held: true }))
  })

  it("advises a thread for what holds the event loop, unless it can run in one", () => {
    assert.match(advice(placedBy([computes, computes]))!, /toThreadLayer/)
    assert.isUndefined(advice(placedBy([computes, computes], unknown("t", null, true))))
    const short = round(0.5, 0)
    assert.isUndefined(advice(placedBy([short, short])))
  })
})
