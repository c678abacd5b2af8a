import * as ByteSize from "effect/ByteSize"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { InputError } from "./InputError.ts"

const units = new Map<string, ByteSize.Unit>(
  (["B", "kB", "MB", "GB", "TB", "PB", "KiB", "MiB", "GiB", "TiB", "PiB"] as const).map((unit) => [
    unit.toLowerCase(),
    unit
  ])
)

const example = "write it like 10MB (10,000,000 bytes) or 1GiB (1,073,741,824 bytes)"

/**
 * Reads a size in bytes: a number and a unit, in any case, `10MB`, `1.5 GiB`, `512B`. `kB MB GB TB PB` are powers of
 * 1000 (IEC 80000-13, SI), `KiB MiB GiB TiB PiB` powers of 1024. A bare letter (`10M`) is refused, since programs
 * disagree on what it means, and so is a number without unit, except `0`. Exact; a size is whole bytes and at most 2^53
 * − 1.
 */
export const parseSize = (input: string): Result.Result<ByteSize.ByteSize, InputError> => {
  const fail = (reason: InputError["reason"], advice: string) =>
    Result.fail(new InputError({ kind: "size", reason, input, advice }))

  const text = input.trim()
  if (text === "0") return Result.succeed(ByteSize.zero)
  const found = /^(\d+(?:\.\d+)?)\s*(\p{L}*)$/u.exec(text)
  if (found === null) return fail("syntax", example)
  const [, quantity, name] = found as unknown as [string, string, string]
  if (name === "") return fail("unit", `${quantity} needs a unit; ${example}`)
  const letter = /^[kmgtp]$/i.exec(name)?.[0].toUpperCase()
  if (letter !== undefined) {
    const decimal = letter === "K" ? "kB" : `${letter}B`
    return fail("unit", `say ${quantity}${decimal} (powers of 1000) or ${quantity}${letter}iB (powers of 1024)`)
  }
  const unit = units.get(name.toLowerCase())
  if (unit === undefined) return fail("unit", `unknown unit; ${example}`)
  const size = ByteSize.fromString(`${quantity} ${unit}`)
  if (Option.isNone(size)) return fail("range", "not a whole number of bytes")
  if (Option.isNone(ByteSize.toNumber(size.value))) return fail("range", "at most 9 PB")
  return Result.succeed(size.value)
}
