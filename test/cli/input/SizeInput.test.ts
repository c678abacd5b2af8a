import { assert, describe, it } from "@effect/vitest"
import { ByteSize, Result, Schema } from "effect"
import { parseSize } from "../../../src/cli/input/SizeInput.ts"

const bytes = (input: string) => ByteSize.toBigInt(Result.getOrThrow(parseSize(input)))

const message = (input: string) => {
  const parsed = parseSize(input)
  return Result.isFailure(parsed) ? parsed.failure.message : "parsed"
}

describe("parseSize", () => {
  it("reads powers of 1000 and of 1024 exactly, in any case", () => {
    assert.strictEqual(bytes("10MB"), 10_000_000n)
    assert.strictEqual(bytes("1GiB"), 1_073_741_824n)
    assert.strictEqual(bytes("10 mb"), 10_000_000n)
    assert.strictEqual(bytes("512B"), 512n)
    assert.strictEqual(bytes("1.5KiB"), 1536n)
    assert.strictEqual(bytes("64KB"), 64_000n)
    assert.strictEqual(bytes("0"), 0n)
    assert.strictEqual(bytes("9007199254740991B"), 9_007_199_254_740_991n)
  })

  it("says in one line what is wrong and what to write", () => {
    assert.strictEqual(
      message("10"),
      '"10" is not a size: 10 needs a unit; write it like 10MB (10,000,000 bytes) or 1GiB (1,073,741,824 bytes)'
    )
    assert.strictEqual(message("10M"), '"10M" is not a size: say 10MB (powers of 1000) or 10MiB (powers of 1024)')
    assert.strictEqual(message("10k"), '"10k" is not a size: say 10kB (powers of 1000) or 10KiB (powers of 1024)')
    assert.strictEqual(message("0.5B"), '"0.5B" is not a size: not a whole number of bytes')
    assert.strictEqual(message("10PB"), '"10PB" is not a size: at most 9 PB')
    for (const bad of ["", "-1MB", "1e3MB", "ten MB", "1MBB", "1 MB 2 kB", "1_000MB"]) {
      assert.match(message(bad), /^".*" is not a size: [^\n]+$/, bad)
    }
  })

  it.prop(
    "multiplies exactly",
    [
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8_000_000 })),
      Schema.Literals(["B", "kB", "MB", "GB", "KiB", "MiB", "GiB"])
    ],
    ([quantity, unit]) => {
      const base = unit.includes("i") ? 1024n : 1000n
      assert.strictEqual(
        bytes(`${quantity}${unit}`),
        BigInt(quantity) * base ** BigInt("BkMG".indexOf(unit[0]!.replace("K", "k")))
      )
    }
  )
})
