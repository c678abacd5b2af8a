/**
 * Strings and file names that have broken programs before, and as many more as asked for from a seed. Bytes: not all
 * are UTF-8.
 */
import { SeededRandom } from "../SeededRandom.ts"

const listed: ReadonlyArray<string> = [
  "",
  " ",
  "\t",
  "a\nb",
  "\n",
  "\r\n",
  " leading and trailing ",
  "'",
  '"',
  "''",
  "'\\''",
  "\\",
  "\\\\",
  "\\n",
  "`id`",
  "$(id)",
  "${HOME}",
  "$HOME",
  "$$",
  "$'\\x41'",
  "*",
  "?",
  "[a-z]",
  "~",
  "~root",
  "!",
  "!!",
  "#",
  "# not a comment",
  ";",
  "; false",
  "&& false",
  "|| false",
  "| false",
  "> out",
  "< in",
  "&",
  "(",
  ")",
  "{",
  "}",
  "{}",
  "{.}",
  "{/}",
  "{//}",
  "{/.}",
  "{#}",
  "{%}",
  "{##}",
  "{1}",
  "{name}",
  "\\{}",
  "{a,b}",
  "-n",
  "-rf",
  "--",
  "--help",
  "-e\\x41",
  "%s%n%d",
  "%",
  ":::",
  "::::",
  "=",
  "A=b",
  "a.b.c",
  ".hidden",
  "a..",
  "...",
  "\x01",
  "\x1b[31m",
  "\x7f",
  "\u0085",
  "\u202e",
  "\ufeff",
  "é",
  "e\u0301",
  "日本語",
  "👩‍👩‍👧",
  "\u{10ffff}",
  "a,b",
  'say "hi", then',
  "__proto__",
  "null",
  "true",
  "0",
  "x".repeat(200)
]

/** Not UTF-8: Latin-1, cut characters, surrogates, overlong forms, what never occurs. */
const broken: ReadonlyArray<ReadonlyArray<number>> = [
  [0xe9],
  [0x66, 0xfc, 0x72],
  [0xff],
  [0xfe, 0xff],
  [0xc3],
  [0xe2, 0x82],
  [0xf0, 0x9f, 0x91],
  [0xed, 0xa0, 0x80],
  [0xc0, 0xaf],
  [0x80],
  [0x27, 0xff, 0x27],
  [0x24, 0x28, 0xff, 0x29]
]

const pieces: ReadonlyArray<Buffer> = [
  ...listed.filter((text) => text.length < 20).map((text) => Buffer.from(text)),
  ...broken.map((bytes) => Buffer.from(bytes))
]

/** `count` strings of any bytes but NUL, the listed ones first. */
export const hostileStrings = (count: number, seed: number): ReadonlyArray<Buffer> => {
  const random = new SeededRandom(seed)
  const known = [...listed.map((text) => Buffer.from(text)), ...broken.map((bytes) => Buffer.from(bytes))]
  const made = Array.from({ length: Math.max(0, count - known.length) }, () =>
    Buffer.concat(
      Array.from({ length: 1 + random.below(6) }, () =>
        random.chance(0.2) ? Buffer.of(1 + random.below(255)) : random.pick(pieces)
      )
    )
  )
  return [...known, ...made].slice(0, count)
}

/** `count` different names a file can have. */
export const hostileNames = (count: number, seed: number): ReadonlyArray<Buffer> => {
  const names = new Map<string, Buffer>()
  for (const text of hostileStrings(count * 3, seed)) {
    const name = Buffer.from(text.filter((byte) => byte !== 0x2f)).subarray(0, 255)
    const spelled = name.toString("latin1")
    if (name.length > 0 && spelled !== "." && spelled !== ".." && names.size < count) names.set(spelled, name)
  }
  return [...names.values()]
}
