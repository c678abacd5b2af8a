/** How large values are as JSON in UTF-8, the same whichever way a store keeps them. */
import type { PayloadForm } from "./TaskCodec.ts"

/** Of a unit of UTF-16: three bytes in UTF-8, or six as an escape of JSON. */
const mostBytesOfUnit = 3
const mostBytesOfEscape = 6
/** Of a number or a word: `-1.7976931348623157e+308`. */
const mostBytesOfOther = 24

/** At least as many bytes as the value has as JSON; counted no further than `most`. */
const boundOf = (value: unknown, most: number): number => {
  if (typeof value === "string") return mostBytesOfEscape * value.length + 2
  if (typeof value !== "object" || value === null) return mostBytesOfOther
  let bound = 2
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && bound <= most; i++) bound += 1 + boundOf(value[i], most - bound)
    return bound
  }
  for (const name in value) {
    if (bound > most) break
    bound += mostBytesOfEscape * name.length + 4 + boundOf((value as Record<string, unknown>)[name], most - bound)
  }
  return bound
}

const textBytesAbove = (text: string, most: number): number | undefined => {
  if (text.length * mostBytesOfUnit <= most) return undefined
  const bytes = Buffer.byteLength(text)
  return bytes > most ? bytes : undefined
}

/**
 * Bytes of what is stored, when they are more than `most`; a look at the value where there is no text, its JSON only
 * where that leaves it open.
 */
export const bytesAbove: {
  readonly [Form in PayloadForm]: (stored: unknown, most: number) => number | undefined
} = {
  text: (stored, most) => textBytesAbove(stored as string, most),
  value: (stored, most) =>
    boundOf(stored, most) <= most ? undefined : textBytesAbove(JSON.stringify(stored) ?? "null", most)
}
