import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { DateTime, Result, Schema } from "effect"
import { parseDelay, parseTime } from "../../../src/cli/input/TimeInput.ts"

const jumped = `
  import { parseTime } from "./src/cli/input/TimeInput.ts"
  for (const text of ["2026-03-29 02:30", "2026-03-29 03:30"]) {
    const parsed = parseTime(text, 0)
    console.log(parsed._tag === "Failure" ? parsed.failure.message : new Date(parsed.success.epochMilliseconds).toISOString())
  }`

/** A Wednesday. */
const now = new Date(2026, 6, 1, 12, 0, 0).getTime()

const iso = (input: string) => DateTime.formatIso(Result.getOrThrow(parseTime(input, now)))

const message = (input: string) => {
  const parsed = parseTime(input, now)
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
      '"tomorrow" is not a time: write it like 9:00, tomorrow 9:00, friday 17:30, 2026-12-01 09:00 or 2026-07-01T09:30:00Z, or use --in 5m'
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
    for (const bad of [
      "",
      "2026-07-01",
      "1751362200",
      "2026-7-1T9:30:00Z",
      "9",
      "9:0",
      "someday 9:00",
      "9:00Z",
      "2026-07-01T9:30Z",
      "13pm",
      "0am",
      "24:00",
      "9:60"
    ])
      assert.match(message(bad), /^".*" is not a time: [^\n]+$/, bad)
  })

  it("reads plain times of this machine's zone, a time alone as the next one there is", () => {
    const local = (...parts: [number, number, number, number, number?, number?]) => new Date(...parts).toISOString()
    assert.strictEqual(iso("13:00"), local(2026, 6, 1, 13))
    assert.strictEqual(iso("9:00"), local(2026, 6, 2, 9))
    assert.strictEqual(iso("12:00"), local(2026, 6, 2, 12))
    assert.strictEqual(iso("9am"), local(2026, 6, 2, 9))
    assert.strictEqual(iso("9:30 pm"), local(2026, 6, 1, 21, 30))
    assert.strictEqual(iso("12am"), local(2026, 6, 2, 0))
    assert.strictEqual(iso("12pm"), local(2026, 6, 2, 12))
    assert.strictEqual(iso("today 9:00"), local(2026, 6, 1, 9))
    assert.strictEqual(iso("Tomorrow 09:00:30"), local(2026, 6, 2, 9, 0, 30))
    assert.strictEqual(iso("fri 17:30"), local(2026, 6, 3, 17, 30))
    assert.strictEqual(iso("wednesday 13:00"), local(2026, 6, 8, 13))
    assert.strictEqual(iso("2026-12-01 09:00"), local(2026, 11, 1, 9))
    assert.strictEqual(iso("2026-12-01T9:00:01"), local(2026, 11, 1, 9, 0, 1))
  })

  it("refuses a time that the clocks jump over", () => {
    const parsed = execFileSync(process.execPath, ["--input-type=module", "-e", jumped], {
      encoding: "utf8",
      cwd: process.cwd(),
      env: { PATH: process.env.PATH, TZ: "Europe/Vienna" }
    })
    assert.match(parsed, /the clocks are put forward over it\n2026-03-29T01:30:00.000Z\n/)
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
      assert.strictEqual(DateTime.toEpochMillis(Result.getOrThrow(parseTime(written, now))), epochMillis)
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
