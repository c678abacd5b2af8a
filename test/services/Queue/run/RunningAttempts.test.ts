import { assert, describe, it } from "@effect/vitest"
import type { JobId } from "../../../../src/services/Queue/Job.ts"
import { RunningAttempts } from "../../../../src/services/Queue/run/RunningAttempts.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

describe("RunningAttempts", () => {
  for (const seed of seeds(3)) {
    it(`holds what was added and not removed, whatever the order (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const running = new RunningAttempts<{ readonly id: JobId; place: number }>()
      const attempts = Array.from({ length: 40 }, (_, id) => ({ id: id as JobId, place: -1 }))
      const model = new Set<JobId>()
      for (let step = 0; step < 2000; step++) {
        const attempt = attempts[random.below(attempts.length)]!
        if (random.below(2) === 0) {
          running.remove(attempt)
          model.delete(attempt.id)
        } else if (!model.has(attempt.id)) {
          running.add(attempt)
          model.add(attempt.id)
        }
        assert.strictEqual(running.size, model.size)
        assert.deepStrictEqual(new Set(running.ids()), model)
        assert.strictEqual(running.find(attempt.id), model.has(attempt.id) ? attempt : undefined)
      }
    })
  }
})
