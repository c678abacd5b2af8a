import { assert, describe, it } from "@effect/vitest"
import { Duration, Result, Schema } from "effect"
import { longest, parseDuration } from "../../../src/cli/input/DurationInput.ts"

const millis = (input: string) => Duration.toMillis(Result.getOrThrow(parseDuration(input)))

const message = (input: string) => {
  const parsed = parseDuration(input)
  return Result.isFailure(parsed) ? parsed.failure.message : "parsed"
}

describe("parseDuration", () => {
  it("reads numbers with units, alone or together", () => {
    assert.strictEqual(millis("30s"), 30_000)
    assert.strictEqual(millis("2 hours"), 7_200_000)
    assert.strictEqual(millis("500ms"), 500)
    assert.strictEqual(millis("1h30m"), 5_400_000)
    assert.strictEqual(millis(" 1 Hour 30 Minutes "), 5_400_000)
    assert.strictEqual(millis("1.5h"), 5_400_000)
    assert.strictEqual(millis("0.1s"), 100)
    assert.strictEqual(millis("1w2d3h4m5s6ms"), 788_645_006)
    assert.strictEqual(millis("0"), 0)
    assert.strictEqual(millis("36500d"), Duration.toMillis(longest))
  })

  it("says in one line what is wrong and what to write", () => {
    assert.strictEqual(message("abc"), '"abc" is not a duration: write it like 30s, 500ms, 1h30m or "2 hours"')
    assert.strictEqual(
      message("30"),
      '"30" is not a duration: 30 needs a unit; write it like 30s, 500ms, 1h30m or "2 hours"'
    )
    assert.strictEqual(
      message("3 houres"),
      '"3 houres" is not a duration: unknown unit; write it like 30s, 500ms, 1h30m or "2 hours". Did you mean "hours"?'
    )
    assert.strictEqual(message("30m1h"), '"30m1h" is not a duration: each unit once, the largest first, like 1h30m')
    assert.strictEqual(message("1h1h"), '"1h1h" is not a duration: each unit once, the largest first, like 1h30m')
    assert.strictEqual(message("36500d1ms"), '"36500d1ms" is not a duration: at most 36500d')
    assert.strictEqual(message("0.0001s"), '"0.0001s" is not a duration: nothing finer than a millisecond, like 500ms')
    for (const bad of ["", "-5s", "1h-30m", "+1s", "1e3s", "Infinity", "1,5h", "s", "1 2s", `${"9".repeat(400)}s`]) {
      assert.match(message(bad), /^".*" is not a duration: [^\n]+$/, bad)
    }
    assert.include(message("\x1b[31m5s\n"), "\\x1b[31m5s")
  })

  it.prop(
    "adds up its parts exactly",
    [
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 36_000 })),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100_000 })),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100_000 })),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999_999 }))
    ],
    ([days, minutes, seconds, thousandths]) => {
      const whole = days * 86_400_000 + minutes * 60_000 + seconds * 1000
      assert.strictEqual(millis(`${days}d ${minutes}min${seconds}s`), whole)
      assert.strictEqual(millis(`${days}d${minutes}m ${seconds} seconds ${thousandths}ms`), whole + thousandths)
      assert.strictEqual(millis(`${(thousandths / 1000).toFixed(3)}s`), thousandths)
    }
  )
})
