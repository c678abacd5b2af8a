import { displayWidth } from "effect/cli/CliOutput"
import { graphemes } from "./Graphemes.ts"

// Where one character is one cell.
const printableAscii = /^[\x20-\x7e]*$/

/**
 * Number of terminal cells `text` takes: wide CJK characters and emoji two, combining marks none, colour sequences
 * none. Other control sequences must have been made visible first (`Sanitize`). Plain ASCII costs one scan.
 */
export const cells = (text: string): number => (printableAscii.test(text) ? text.length : displayWidth(text))

/**
 * `text` cut to at most `width` cells, ending in `…` when something was cut. Never splits a character from its
 * combining marks, an emoji sequence, or a wide character in half: the result may be a cell short. `text` carries no
 * colour yet. Reads no further than it has to, however long `text` is.
 */
export const truncate = (text: string, width: number): string => {
  if (width <= 0) return ""
  if (printableAscii.test(text)) return text.length <= width ? text : `${text.slice(0, width - 1)}…`
  let used = 0
  let kept = ""
  for (const segment of graphemes(text)) {
    const taken = cells(segment)
    if (used + taken > width) return `${dropCells(kept, used - (width - 1))}…`
    kept += segment
    used += taken
  }
  return text
}

const dropCells = (text: string, excess: number): string => {
  if (excess <= 0) return text
  const segments = Array.from(graphemes(text))
  let dropped = 0
  while (dropped < excess && segments.length > 0) dropped += cells(segments.pop()!)
  return segments.join("")
}

/** `text` filled with spaces to `width` cells; longer text is returned as it is. */
export const pad = (text: string, width: number, align: "left" | "right"): string => {
  const space = " ".repeat(Math.max(0, width - cells(text)))
  return align === "left" ? text + space : space + text
}
