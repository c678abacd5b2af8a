/**
 * Text of strangers in our output (`SafeText` says what is unsafe and how it is shown), with our own styles left in it.
 * `Output` and `Screen` see to it for whatever is written; here for text that is measured or cut before.
 */
import { SafeText } from "../../services/Text/index.ts"
import * as ControlSequence from "./ControlSequence.ts"
import * as DisplayWidth from "./DisplayWidth.ts"

/** `text` on one line: every control, bidirectional and invisible character visible, tabs and newlines too. */
export const line = (text: string): string => ControlSequence.mapText(text, SafeText.line)

/** `text` as block output: newlines and tabs stay, CR LF becomes a newline, every other unsafe character is visible. */
export const block = (text: string): string => ControlSequence.mapText(text, SafeText.block)

/**
 * UTF-16 units that one cell can take at most, once it is safe: a letter with all its marks, a family, a flag spelled
 * in tags.
 */
const unitsPerCell = 40

/**
 * `text` on one line, safe and cut to at most `width` cells. Reads no further than it has to, also where what it reads
 * takes no cell: of a megabyte of control characters a few hundred.
 */
export const fitted = (text: string, width: number): string => {
  const most = (width + 1) * unitsPerCell
  return DisplayWidth.truncate(line(text.length > most ? text.slice(0, most) : text), width)
}

/** Serialized JSON made safe to show, still the same value. */
export const json = SafeText.json
