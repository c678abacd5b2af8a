import { Effect } from "effect"
import * as DisplayWidth from "../../../src/cli/terminal/DisplayWidth.ts"
import * as Screen from "../../../src/cli/terminal/Screen.ts"

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/**
 * The receiving end of a full screen: text, going to a place, erasing, colours, the alternate screen and the cursor's
 * visibility. Anything else that it is sent is an error, as are text in the last column and text while the screen of
 * before is shown.
 */
export const makeEmulatedScreen = (size: { columns: number; rows: number }) => {
  let cells: Array<Array<string>> = []
  let row = 0
  let column = 0
  let isAlternate = false
  let isCursorShown = true
  let bytes = 0
  let paints = 0
  const clear = () => {
    cells = Array.from({ length: size.rows }, () => Array.from({ length: size.columns }, () => " "))
  }
  clear()

  const put = (text: string) => {
    for (const { segment } of graphemes.segment(text)) {
      const width = DisplayWidth.cells(segment)
      if (!isAlternate) throw new Error(`text on the screen of before: ${JSON.stringify(text)}`)
      if (column + width >= size.columns) throw new Error(`text reaches the last column: ${JSON.stringify(text)}`)
      if (row >= size.rows) throw new Error(`text below the screen: ${JSON.stringify(text)}`)
      cells[row]![column] = segment
      for (let i = 1; i < width; i++) cells[row]![column + i] = ""
      column += width
    }
  }
  const obey = (parameters: string, final: string) => {
    const [first, second] = parameters.split(";").map(Number)
    if (final === "H" && second !== undefined) {
      row = first! - 1
      column = second - 1
    } else if (final === "J" && parameters === "2") {
      clear()
      paints++
    } else if (final === "K" && parameters === "0") cells[row]!.fill(" ", column)
    else if (parameters === "?1049" && (final === "h" || final === "l")) {
      isAlternate = final === "h"
      if (isAlternate) clear()
    } else if (parameters === "?25" && (final === "h" || final === "l")) isCursorShown = final === "h"
    else if (final !== "m" || !/^(?:1|2|7|22|27|31|32|33|34|36|39)$/.test(parameters))
      throw new Error(`unexpected control sequence ${parameters}${final}`)
  }
  const send = (output: string) => {
    bytes += Buffer.byteLength(output)
    for (const [i, part] of output.split("\x1b[").entries()) {
      const sequence = i === 0 ? undefined : /^([?\d;]*)([A-Za-z])/.exec(part)
      if (sequence === null) throw new Error(`no control sequence: ${JSON.stringify(part)}`)
      if (sequence !== undefined) obey(sequence[1]!, sequence[2]!)
      const text = part.slice(sequence?.[0].length ?? 0)
      if (/\p{Cc}/u.test(text)) throw new Error(`a control character: ${JSON.stringify(text)}`)
      if (text !== "") put(text)
    }
  }
  const screen: Screen.Screen = Screen.make({
    isTerminal: true,
    columns: () => size.columns,
    rows: () => size.rows,
    send: (output) =>
      Effect.sync(() => {
        send(output as string)
        return true
      })
  })
  return {
    size,
    screen,
    send,
    shown: (): ReadonlyArray<string> => cells.map((line) => line.join("").trimEnd()),
    isAlternate: () => isAlternate,
    isCursorShown: () => isCursorShown,
    bytes: () => bytes,
    /** How often the whole screen was erased. */
    paints: () => paints
  }
}
