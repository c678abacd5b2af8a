import { assert, describe, it } from "@effect/vitest"
import { EnglishNumber } from "../../../src/services/Text/index.ts"

const numbers = [
  ...[0, 1, 9.95, 99.5, 999, 999.5, 1000, 1001, 12_345, 1e6, 1e21, 0.004, 0.5, 1.005, Number.MAX_SAFE_INTEGER],
  ...[Number.MIN_VALUE, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NaN]
].flatMap((n) => [n, n === 0 ? 0 : -n])

describe("numbers in English", () => {
  it("are as Intl writes them, whole ones below a thousand too", () => {
    for (const options of [
      { maximumFractionDigits: 0 },
      { maximumFractionDigits: 3 },
      { maximumSignificantDigits: 3 }
    ]) {
      const format = EnglishNumber.numberFormat(options)
      const expected = new Intl.NumberFormat("en-US", options)
      for (const n of numbers) assert.strictEqual(format(n), expected.format(n), `${n} ${JSON.stringify(options)}`)
    }
  })
})
