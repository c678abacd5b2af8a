import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration } from "effect"
import { longestMs } from "../../../../src/services/Queue/policy/Bounds.ts"
import { readRetryAfter, retryAfterOf, timeOf, unsaidMs } from "../../../../src/services/Limits/policy/RetryAfter.ts"

const now = Date.UTC(1994, 10, 6, 8, 49, 0)
const at = Date.UTC(1994, 10, 6, 8, 49, 37)

describe("Retry-After", () => {
  it("is read as seconds and in each form of a date that HTTP knows", () => {
    for (const [text, said] of [
      ["120", { afterMs: 120_000 }],
      [" 0 ", { afterMs: 0 }],
      ["0.5", { afterMs: 500 }],
      ["Sun, 06 Nov 1994 08:49:37 GMT", { at }],
      ["Sunday, 06-Nov-94 08:49:37 GMT", { at }],
      ["Sun Nov  6 08:49:37 1994", { at }],
      ["99999999999999", { afterMs: longestMs }]
    ] as const)
      assert.deepStrictEqual(readRetryAfter(text), said, text)
  })

  it("is a duration where the answer says its own date, whatever the clocks say", () => {
    const date = "Sun, 06 Nov 1994 08:49:27 GMT"
    assert.deepStrictEqual(readRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", date), { afterMs: 10_000 })
    assert.deepStrictEqual(readRetryAfter("Sun, 06 Nov 1994 08:49:17 GMT", date), { afterMs: 0 })
    assert.deepStrictEqual(readRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", "yesterday"), { at })
  })

  it("says nothing where it is neither", () => {
    for (const text of [
      "",
      "soon",
      "-1",
      "1e9",
      "NaN",
      "Infinity",
      "0x10",
      "1 day",
      "2024-01-01",
      "Sun, 99 Foo 1994 08:49:37 GMT",
      "١٢٠"
    ])
      assert.isUndefined(readRetryAfter(text), text)
  })
})

describe("what a handler says", () => {
  it("is a duration or a time", () => {
    for (const [input, time] of [
      ["30 seconds", now + 30_000],
      [Duration.minutes(2), now + 120_000],
      [1_500.2, now + 1_501],
      [0, now],
      [new Date(at), at],
      [DateTime.makeUnsafe(at), at],
      [new Date(now - 5_000), now]
    ] as const)
      assert.strictEqual(timeOf(retryAfterOf(input), now), time, String(input))
  })

  it("is bent where it cannot be meant: at most a hundred years, a second where it is none", () => {
    for (const [input, time] of [
      [Number.NaN, now + unsaidMs],
      [-5, now + unsaidMs],
      ["soon", now + unsaidMs],
      [undefined, now + unsaidMs],
      [null, now + unsaidMs],
      [{}, now + unsaidMs],
      [new Date(Number.NaN), now + unsaidMs],
      [Number.POSITIVE_INFINITY, now + longestMs],
      [Duration.infinity, now + longestMs],
      [new Date(8.64e15), now + longestMs]
    ] as const) {
      const time_ = timeOf(retryAfterOf(input), now)
      assert.isTrue(Number.isSafeInteger(time_) && time_ >= now && time_ <= now + longestMs, String(input))
      assert.strictEqual(time_, time, String(input))
    }
  })
})
