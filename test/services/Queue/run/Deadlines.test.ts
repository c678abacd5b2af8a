import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { bucketMs, Deadlines, type Expiring } from "../../../../src/services/Queue/run/Deadlines.ts"
import { monotonicOf } from "../../../../src/services/Queue/host/Monotonic.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"
import { Clock } from "effect"

class Entry implements Expiring {
  bucket = -1
  before: Expiring | undefined = undefined
  after: Expiring | undefined = undefined
  firedAt: number | undefined = undefined
  expired(now: number): void {
    this.firedAt = now
  }
}

describe("Deadlines", () => {
  for (const seed of seeds(3)) {
    it.effect(`fires each armed entry once, at most one bucket late and never early (seed ${seed})`, () =>
      Effect.gen(function* () {
        const random = new SeededRandom(seed)
        const monotonic = monotonicOf(yield* Clock.Clock)
        const deadlines = new Deadlines(monotonic, Effect.runForkWith(yield* Effect.context<never>()))
        const entries = Array.from({ length: 60 }, () => new Entry())
        const due = new Map<Entry, number>()
        for (let step = 0; step < 400; step++) {
          const entry = entries[random.below(entries.length)]!
          switch (random.below(4)) {
            case 0:
            case 1:
              due.set(entry, monotonic() + random.below(2_000))
              entry.firedAt = undefined
              deadlines.arm(entry, due.get(entry)!)
              break
            case 2:
              due.delete(entry)
              deadlines.disarm(entry)
              break
            default:
              yield* TestClock.adjust(random.below(300))
          }
          const now = monotonic()
          for (const candidate of entries) {
            const at = due.get(candidate)
            if (at === undefined) continue
            if (candidate.firedAt !== undefined) {
              assert.isAtLeast(candidate.firedAt, at)
              due.delete(candidate)
              assert.strictEqual(candidate.bucket, -1)
            } else assert.isBelow(now, at + bucketMs)
          }
        }
        deadlines.close()
      })
    )
  }
})
