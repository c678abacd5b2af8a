/** Several inputs for one job: so many (`-N`), or as many as a command can be given (`-X`). */
import * as Stream from "effect/Stream"
import type { CommandTemplate } from "../input/CommandTemplate.ts"
import { shellQuote } from "../../services/Text/index.ts"
import { isNumber } from "../input/Placeholder.ts"
import { joined, type MapInputStream } from "./MapInput.ts"

/**
 * Bytes of a command that `-X` fills. Linux takes 2 MiB of arguments and environment, but no more than 128 KiB of one
 * argument, which is all there is of a program for `sh -c`; xargs takes the same.
 */
export const fullBytes = 128 * 1024

/** `count` at a time. Each job starts when its inputs are whole, the last one at the end of the input. */
export const byCount = (inputs: MapInputStream, count: number): MapInputStream =>
  Stream.mapAccum(
    inputs,
    (): Array<string> => [],
    (held, input) => {
      held.push(...input.inputs)
      return held.length < count ? [held, []] : [[], [joined(held)]]
    },
    { onHalt: (held) => (held.length === 0 ? [] : [joined(held)]) }
  )

const numberBytes = 10

/** At most the bytes an input adds to the command. */
const costIn = (template: CommandTemplate): ((input: string) => number) => {
  if (template._tag === "Shell") {
    const uses = template.text.filter((piece) => typeof piece !== "string" && !isNumber(piece.placeholder)).length
    // A variable is named where it is set and where it is used.
    return (input) => uses * (Buffer.byteLength(shellQuote(input)) + 64)
  }
  const words = template.words.filter((word) =>
    word.some((piece) => typeof piece !== "string" && piece.kind === "input")
  )
  const pieces = words.flat()
  const placeholders = pieces.filter((piece) => typeof piece !== "string")
  const fixed =
    pieces.reduce((sum, piece) => sum + (typeof piece === "string" ? Buffer.byteLength(piece) : 1), 0) +
    placeholders.filter(isNumber).length * numberBytes
  return (input) => fixed + placeholders.length * Buffer.byteLength(input) + words.length
}

/** As many as fit, and no more than `most`; the last job has what is left. */
export const byBytes = (
  inputs: MapInputStream,
  template: CommandTemplate,
  most = Number.POSITIVE_INFINITY
): MapInputStream => {
  const costOf = costIn(template)
  return Stream.mapAccum(
    inputs,
    () => ({ held: [] as Array<string>, bytes: 0 }),
    ({ bytes, held }, { inputs: more }) => {
      const cost = more.reduce((sum, text) => sum + costOf(text), 0)
      if (held.length > 0 && (held.length + more.length > most || bytes + cost > fullBytes))
        return [{ held: [...more], bytes: cost }, [joined(held)]]
      held.push(...more)
      return [{ held, bytes: bytes + cost }, []]
    },
    { onHalt: ({ held }) => (held.length === 0 ? [] : [joined(held)]) }
  )
}
