import { assert, describe, it } from "@effect/vitest"
import { DateTime, Result, Schema } from "effect"
import { parseDelay, parseTime } from "../../../src/cli/input/TimeInput.ts"

const iso = (input: string) => DateTime.formatIso(Result.getOrThrow(parseTime(input)))

const message = (input: string) => {
  const parsed = parseTime(input)
  return Result.isFailure(parsed) ? parsed.failure.message : "parsed"
}

describe("parseTime", () => {
  it("reads RFC 3339", () => {
    assert.strictEqual(iso("2026-07-01T09:30:00Z"), "2026-07-01T09:30:00.000Z")
    assert.strictEqual(iso("2026-07-01t09:30:00.1239z"), "2026-07-01T09:30:00.123Z")
    assert.strictEqual(iso("2026-07-01 09:30:00+02:00"), "2026-07-01T07:30:00.000Z")
    assert.strictEqual(iso("2026-01-01T00:00:00-05:30"), "2026-01-01T05:30:00.000Z")
    assert.strictEqual(iso("2024-02-29T00:00:00Z"), "2024-02-29T00:00:00.000Z")
    assert.strictEqual(iso("0099-12-31T23:59:59Z"), "0099-12-31T23:59:59.000Z")
  })

  it("says in one line what is wrong and what to write", () => {
    assert.strictEqual(
      message("tomorrow"),
      '"tomorrow" is not a time: write it like 2026-07-01T09:30:00Z or 2026-07-01T09:30:00+02:00, or use --in 5m'
    )
    assert.strictEqual(
      message("2026-07-01T09:30:00"),
      '"2026-07-01T09:30:00" is not a time: it lacks its offset; write 2026-07-01T09:30:00Z for UTC or 2026-07-01T09:30:00+02:00 for another'
    )
    for (const none of [
      "2026-02-29T00:00:00Z",
      "1900-02-29T00:00:00Z",
      "2026-04-31T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-00-10T00:00:00Z",
      "2026-01-00T00:00:00Z"
    ]) {
      assert.include(message(none), "no such day", none)
    }
    for (const none of [
      "2026-01-01T24:00:00Z",
      "2026-01-01T00:60:00Z",
      "2026-06-30T23:59:60Z",
      "2026-01-01T00:00:00+24:00",
      "2026-01-01T00:00:00+00:60"
    ]) {
      assert.include(message(none), "hours go to 23", none)
    }
    for (const bad of ["", "2026-07-01", "1751362200", "2026-7-1T9:30:00Z", "09:30"])
      assert.match(message(bad), /^".*" is not a time: [^\n]+$/, bad)
  })

  it.prop(
    "reads back every millisecond of ten thousand years, in any offset",
    [
      Schema.Int.check(
        Schema.isBetween({ minimum: -62_167_219_200_000 + 86_400_000, maximum: 253_402_300_799_999 - 86_400_000 })
      ),
      Schema.Int.check(Schema.isBetween({ minimum: -1439, maximum: 1439 }))
    ],
    ([epochMillis, offset]) => {
      const two = (n: number) => String(Math.floor(n)).padStart(2, "0")
      const local = new Date(epochMillis + offset * 60_000).toISOString().slice(0, -1)
      const written = `${local}${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`
      assert.strictEqual(DateTime.toEpochMillis(Result.getOrThrow(parseTime(written))), epochMillis)
    }
  )
})

describe("parseDelay", () => {
  const now = DateTime.makeUnsafe("2026-07-01T09:30:00Z")

  it("counts from the given now", () => {
    assert.strictEqual(DateTime.formatIso(Result.getOrThrow(parseDelay("5m", now))), "2026-07-01T09:35:00.000Z")
    assert.strictEqual(DateTime.formatIso(Result.getOrThrow(parseDelay("36500d", now))), "2126-06-07T09:30:00.000Z")
  })

  it("complains like a duration", () => {
    const parsed = parseDelay("5", now)
    assert.strictEqual(Result.isFailure(parsed) && parsed.failure.kind, "duration")
  })
})
