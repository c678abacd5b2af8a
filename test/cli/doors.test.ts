import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CommandLine from "./CommandLine.ts"
import * as Properties from "../support/doors/CommandLineProperties.ts"
import { HostileValues } from "../support/doors/HostileValues.ts"
import { SeededRandom, seeds } from "../support/SeededRandom.ts"

/** Words for each door and seed; ten thousand in the long suite. */
const values = 200
/** Words of whole calls. */
const calls = 30

describe("hostile words at the command line", () => {
  for (const seed of seeds(1)) {
    for (const [door, property] of Object.entries(Properties.doors)) {
      it.effect(`at the door of ${door}: refused in one line, or the same on every store (seed ${seed})`, () =>
        Effect.gen(function* () {
          const taken = yield* property(seed, values)
          assert.isAbove(taken, values / 20)
          assert.isAtMost(taken, values)
        })
      )
    }

    it.live(`are taken or refused by a whole call, and what was taken is there (seed ${seed})`, () =>
      Effect.gen(function* () {
        const hostile = new HostileValues(new SeededRandom(seed))
        const cli = yield* CommandLine.make
        const ids = new Set<string>()
        for (let i = 0; i < calls; i++) {
          const given = Properties.addWords(hostile)
          const called = yield* cli.call(["add", "-q", ...given, "--", "true"])
          if (called.code === 0) ids.add(called.lines[0]!)
          else Properties.isOneLine(called, JSON.stringify(given))
        }
        assert.isAtLeast(ids.size, 2)
        const listed = yield* cli.call(["job", "ls", "-q", "--limit", "1000"])
        assert.deepStrictEqual(new Set(listed.lines), ids)
      }).pipe(Effect.scoped)
    )
  }
})
