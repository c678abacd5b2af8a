import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { parseRate } from "../../../src/cli/input/RateInput.ts"
import { rateText } from "../../../src/services/Limits/policy/RateText.ts"

const message = (input: string) => {
  const parsed = parseRate(input)
  return Result.isFailure(parsed) ? parsed.failure.message : "parsed"
}

describe("parseRate", () => {
  it("reads how many per unit or per duration", () => {
    for (const [text, limit, perMs] of [
      ["5/s", 5, 1_000],
      [" 0.5 / second ", 0.5, 1_000],
      ["100/min", 100, 60_000],
      ["1000/h", 1_000, 3_600_000],
      ["10/250ms", 10, 250],
      ["300/1h30m", 300, 5_400_000],
      ["1/d", 1, 86_400_000]
    ] as const)
      assert.deepStrictEqual(parseRate(text), Result.succeed({ limit, perMs }), text)
  })

  it("says in one line what is wrong and what to write", () => {
    assert.strictEqual(message("5"), '"5" is not a rate: write it like 5/s, 100/min, 1000/h or 10/250ms')
    assert.match(message("0/s"), /more than 0; to let nothing start, pause the group/)
    for (const bad of ["", "/s", "5/", "-5/s", "5/-1s", "5/0s", "5/fortnight", "1e3/s", "Infinity/s", "5/s/s", "5 s"])
      assert.match(message(bad), /^".*" is not a rate: [^\n]+$/, bad)
    for (const bad of ["99999999999/s", "1/36501d", "0.001/36500d"])
      assert.match(message(bad), /is not a rate: at most [^\n]+$/, bad)
  })

  it.prop(
    "reads back what is shown",
    [
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })),
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 })),
      Schema.Literals([1, 1_000, 60_000, 3_600_000, 86_400_000])
    ],
    ([limit, times, unit]) => {
      const rate = { limit, perMs: times * unit }
      assert.deepStrictEqual(parseRate(rateText(rate)), Result.succeed(rate))
    }
  )
})
