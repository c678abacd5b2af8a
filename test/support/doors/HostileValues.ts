/** What nobody should hand to a queue and somebody will, by seed. */
import type { SeededRandom } from "../SeededRandom.ts"

const numbers = [
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  5,
  10,
  11,
  100,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  Number.EPSILON,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 63,
  -(2 ** 63),
  2 ** 64,
  8.64e15,
  8.64e15 + 1,
  -8.64e15,
  1e18,
  1e300,
  1_000_000,
  1_000_001,
  36_500 * 86_400_000,
  36_500 * 86_400_000 + 1
]

const texts = [
  "",
  " ",
  "a",
  "plain",
  "5",
  "1e999",
  "-1 seconds",
  "1 second",
  "9999999999999999999 days",
  "Infinity",
  "a:b",
  "a%3Ab",
  "%",
  "task:a:b",
  "a/b",
  "a b",
  "\0",
  "a\0b",
  "\ud800",
  "\udfff!",
  "\ufeffmark",
  "line\nline",
  "\u001b[31m",
  "\u202e",
  "é",
  "e\u0301",
  "日本",
  "👩‍👩‍👧",
  "__proto__",
  "constructor",
  "toString",
  "null",
  "'; DROP TABLE job; --",
  "%s%n",
  "x".repeat(200),
  "x".repeat(201),
  "é".repeat(200),
  "x".repeat(1000),
  "x".repeat(1001),
  "x".repeat(100_000)
]

/** JSON of hard shapes. */
const documents = [
  '{"__proto__":{"a":1}}',
  '{"constructor":1,"toString":2}',
  "[[[[[[[[]]]]]]]]",
  '{"":""}',
  '{"a":null}',
  '"\\ud800"',
  '"\\u0000"',
  "1e-320",
  "123456789012345680",
  "[0,-0,1e21]"
]

const angry = () =>
  new Proxy(
    {},
    {
      get: () => {
        throw new Error("do not look")
      },
      ownKeys: () => {
        throw new Error("do not look")
      }
    }
  )

class Classy {
  readonly field = 1
  get thrown(): never {
    throw new Error("a getter")
  }
}

const circle = () => {
  const round: { self?: unknown } = {}
  round.self = round
  return round
}

const deep = (levels: number): unknown => {
  let value: unknown = 1
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

const others: ReadonlyArray<() => unknown> = [
  () => undefined,
  () => null,
  () => true,
  () => false,
  () => 10n,
  () => -(2n ** 70n),
  () => Symbol("s"),
  () => () => 1,
  () => new Map([["a", 1]]),
  () => new Set([1]),
  () => new Date(5),
  () => new Date(Number.NaN),
  () => /x/,
  () => new Error("an error"),
  () => new Uint8Array([1, 2]),
  () => new Classy(),
  () => Object.create(null),
  () => Object.create({ inherited: 1 }),
  () => [undefined],
  () => new Array(3),
  () => ({ a: undefined }),
  () => ({ toJSON: () => "lies" }),
  () => new String("boxed"),
  () => new Number(5),
  () => Promise.resolve(1),
  circle,
  () => deep(50),
  () => deep(5000),
  angry
]

export class HostileValues {
  readonly random: SeededRandom

  constructor(random: SeededRandom) {
    this.random = random
  }

  number(): number {
    return this.random.chance(0.8)
      ? this.random.pick(numbers)
      : (this.random.next() - 0.5) * 10 ** this.random.below(20)
  }

  text(): string {
    if (this.random.chance(0.8)) return this.random.pick(texts)
    return String.fromCharCode(...Array.from({ length: this.random.below(40) }, () => this.random.below(65_536)))
  }

  /** A value that JSON carries, of any shape. */
  json(depth = 0): unknown {
    const kind = this.random.below(depth > 3 ? 4 : 7)
    if (kind === 0) return this.random.pick([0, 1, -1.5, 1e21, 2 ** 53, 1e-320])
    if (kind === 1) return this.text()
    if (kind === 2) return this.random.pick([true, false, null])
    if (kind === 3) return JSON.parse(this.random.pick(documents)) as unknown
    const length = this.random.below(4)
    if (kind === 4) return Array.from({ length }, () => this.json(depth + 1))
    return Object.fromEntries(Array.from({ length }, () => [this.text().slice(0, 300), this.json(depth + 1)]))
  }

  any(depth = 0): unknown {
    const kind = this.random.below(depth > 2 ? 4 : 6)
    if (kind === 0) return this.number()
    if (kind === 1) return this.text()
    if (kind === 2) return this.random.pick(others)()
    if (kind === 3) return this.json(2)
    const length = this.random.below(4)
    if (kind === 4) return Array.from({ length }, () => this.any(depth + 1))
    return Object.fromEntries(Array.from({ length }, () => [this.text().slice(0, 300), this.any(depth + 1)]))
  }

  /** An object with some of these fields, sometimes one that is none: each a value that may do, or any. */
  fields(plausible: Readonly<Record<string, () => unknown>>, most = 4): Record<string, unknown> {
    const names = Object.keys(plausible)
    const given: Record<string, unknown> = {}
    for (let i = 1 + this.random.below(most); i > 0; i--) {
      const name = this.random.pick(names)
      given[name] = this.random.chance(0.6) ? plausible[name]!() : this.any()
    }
    if (this.random.chance(0.03)) given[this.random.pick(names).slice(1) || "x"] = 1
    return given
  }
}
