/** Whether a regular expression may cost more than time linear in the text: by what it says, and by the clock. */
import { analyse } from "scslre"
import type { SourcePattern } from "./SourcePatterns.ts"

/** Parts that can be repeated in two ways, or are tried anew from every place of a text that they run through. */
export const superLinearParts = ({ flags, source }: SourcePattern): ReadonlyArray<string> =>
  analyse({ source, flags }, { reportTypes: { Move: true } }).reports.map(({ type }) => type)

/** Characters worth repeating: those of the pattern itself, and one of each usual class. */
const charactersFor = (source: string): ReadonlyArray<string> => [
  ...new Set([..."a0 /-\\\n\t", ...source.replaceAll(/\\[pP]\{[^}]*\}|\\u\{?[0-9a-f]+\}?|\\[a-zA-Z]/g, "")])
]

const millis = (pattern: RegExp, text: string): number => {
  pattern.lastIndex = 0
  const began = performance.now()
  text.replace(pattern, "")
  return performance.now() - began
}

const shortest = 2400
/** Linear patterns take a hundredth of it for `shortest` characters. */
const suspiciousMs = 1.5

/** The first text made of repetitions whose cost grows faster than its length. `undefined`: none. */
export const slowText = ({ flags, source }: SourcePattern): string | undefined => {
  const pattern = new RegExp(source, flags)
  const characters = charactersFor(source)
  const pumps = [...characters, ...characters.flatMap((a) => characters.map((b) => a + b)).slice(0, 200)]
  for (const pump of pumps) {
    for (const [start, end] of [
      ["", ""],
      ["", "\0"],
      ["x", "\0"]
    ] as const) {
      const text = (n: number) => start + pump.repeat(n / pump.length) + end
      if (millis(pattern, text(shortest)) < suspiciousMs) continue
      // Again, the best of three, for the machine may have been busy; and four times as long: 16 times the cost where
      // it is quadratic.
      const best = (n: number) => Math.min(...[1, 2, 3].map(() => millis(pattern, text(n))))
      const once = best(shortest)
      if (once >= suspiciousMs / 4 && best(shortest * 4) > once * 8) return JSON.stringify([start, pump, "…", end])
    }
  }
  return undefined
}
