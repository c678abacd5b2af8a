import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync } from "node:fs"
import path from "node:path"
import { make } from "../CommandLine.ts"

describe("sluice soak", () => {
  it.live("refuses what makes no sense, in one line", () =>
    Effect.gen(function* () {
      const { call, folder } = yield* make
      for (const [args, code, text] of [
        [["--hours=0"], 2, /--hours is 0; expected more than 0/],
        [["--rate=0"], 2, /--rate is 0; expected/],
        [["--workers=0"], 2, /--workers is 0; expected 1 to 64/],
        [["--kill-every=1ms"], 2, /--kill-every is 1 ms; expected at least 1000 ms/],
        [["--store=x.db"], 2, /a soak makes a store of its own/],
        [["--resume=nowhere"], 3, /nowhere holds no plan.json of a soak/]
      ] as const) {
        const called = yield* call(["soak", ...args])
        assert.strictEqual(called.code, code, called.stderr)
        assert.match(called.stderr, text)
      }
      assert.isFalse(existsSync(path.join(folder, "state", "sluice", "soak")))
    })
  )
})
