import { isDeepStrictEqual } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { SeededRandom, seeds } from "../../support/SeededRandom.ts"
import { valueFromText, valueToText } from "../../../src/services/Store/ValueText.ts"

const keys = ["a", "b c", "~", "__proto__", "map", "set", "object", "toString", "1", "\u0000", "ü\ud83d\ude00"]
const leaves = [
  undefined,
  null,
  true,
  false,
  0,
  -0,
  1.5,
  -1e300,
  2 ** 53,
  Number.NaN,
  Infinity,
  -Infinity,
  "",
  "~",
  '"\\\n'
]

const anyValue = (random: SeededRandom, depth: number): unknown => {
  const some = <A>(make: () => A): ReadonlyArray<A> => Array.from({ length: random.below(4) }, make)
  const inner = () => anyValue(random, depth - 1)
  const entry = (): readonly [string, unknown] => [random.pick(keys), inner()]
  switch (depth === 0 ? 0 : random.below(6)) {
    case 1:
      return some(inner)
    case 2:
      return new Map(some(() => [inner(), inner()] as const))
    case 3:
      return new Set(some(inner))
    case 4:
    case 5:
      return Object.fromEntries(some(entry))
    default:
      return random.pick(leaves)
  }
}

describe("values as text", () => {
  it("come back exactly, whatever they are made of", () => {
    for (const seed of seeds(3_000)) {
      const value = anyValue(new SeededRandom(seed), 4)
      assert.isTrue(isDeepStrictEqual(valueFromText(valueToText(value)), value), `seed ${seed}: ${valueToText(value)}`)
    }
  })

  it("keep what JSON leaves out: fields that are undefined, and numbers without a word", () => {
    const value = { absent: undefined, list: [undefined, Number.NaN, -0, Number.NEGATIVE_INFINITY], "~": "-" }
    assert.deepStrictEqual(valueFromText(valueToText(value)), value)
  })

  it("touch no prototype", () => {
    const value: object = JSON.parse('{"__proto__":{"~":{"polluted":1}}}')
    const back = valueFromText(valueToText(value)) as object
    assert.deepStrictEqual(Object.keys(back), ["__proto__"])
    assert.strictEqual(Object.getPrototypeOf(back), Object.prototype)
  })

  it("refuse what is no data, and text that nobody wrote", () => {
    for (const value of [() => 1, Symbol("s"), 1n]) assert.throws(() => valueToText(value), TypeError)
    for (const text of ['{"~":{"map":[3]}}', '{"~":"what"}', '{"~":{}}', '{"~":null}', "{", '{"~":{"map":3}}']) {
      assert.throws(() => valueFromText(text), SyntaxError)
    }
  })
})
