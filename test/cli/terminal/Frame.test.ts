import { assert, describe, it } from "@effect/vitest"
import { unsign } from "../../../src/cli/terminal/ControlSequence.ts"
import * as Frame from "../../../src/cli/terminal/Frame.ts"
import { coloured, plain } from "../../../src/cli/terminal/Style.ts"
import { SafeText } from "../../../src/services/Text/index.ts"
import { hostileTexts, longTexts } from "../../support/hostile/HostileText.ts"
import { SeededRandom, seeds } from "../../support/SeededRandom.ts"
import { makeEmulatedScreen } from "./EmulatedScreen.ts"

const tones: ReadonlyArray<Frame.Tone> = [
  "plain",
  "bold",
  "dim",
  "good",
  "warning",
  "bad",
  "accent",
  "running",
  "failed",
  "pending",
  "cancelled"
]
const words = [
  "gzip -k a.log",
  "日本語テキスト",
  "👩‍👩‍👧 family",
  "é̂́",
  "▁▂▃▄",
  "…",
  "12,345",
  "",
  " ",
  "  two  ",
  "ﷺ",
  "é",
  "한국어",
  "🇩🇪"
]

const lineFrom = (random: SeededRandom): Frame.Line => ({
  pieces: Array.from({ length: random.below(6) }, () =>
    Frame.piece(
      random.pick(random.chance(0.2) ? [...hostileTexts("/nowhere"), ...longTexts] : words),
      random.pick(tones)
    )
  ),
  chosen: random.chance(0.1)
})

/** The next picture: most lines stay, some change a little or wholly. */
const next = (lines: ReadonlyArray<Frame.Line>, random: SeededRandom): ReadonlyArray<Frame.Line> =>
  lines.map((line) =>
    random.chance(0.5)
      ? line
      : random.chance(0.5)
        ? lineFrom(random)
        : {
            ...line,
            pieces: line.pieces.map((piece) => (random.chance(0.3) ? Frame.piece(random.pick(words)) : piece))
          }
  )

const written = (text: string): string => unsign(text, SafeText.block)

describe("a frame", () => {
  it("put on the screen as differences is what it is when painted whole, for any text on any size", () => {
    for (const seed of seeds(40)) {
      const random = new SeededRandom(seed)
      const size = { columns: 1 + random.below(90), rows: 1 + random.below(25) }
      const style = random.chance(0.5) ? coloured : plain
      const terminal = makeEmulatedScreen(size)
      terminal.send("\x1b[?1049h")
      let lines: ReadonlyArray<Frame.Line> = Array.from({ length: random.below(30) }, () => lineFrom(random))
      let before: Frame.Frame | undefined
      for (let step = 0; step < 12; step++) {
        const frame = Frame.frame(lines, size)
        terminal.send(written(Frame.difference(before, frame, style)))
        const whole = makeEmulatedScreen(size)
        whole.send(`\x1b[?1049h${written(Frame.difference(undefined, frame, style))}`)
        assert.deepStrictEqual(terminal.shown(), whole.shown(), `seed ${seed}, step ${step}`)
        before = frame
        lines = next(lines, random)
      }
      assert.strictEqual(terminal.paints(), 1)
    }
  })

  it("writes nothing when nothing changed, and a figure that changed with a few bytes", () => {
    const size = { columns: 80, rows: 24 }
    const line = (n: string) =>
      Frame.line(Frame.piece("computation  ", "bold"), Frame.piece(n), Frame.piece("  waiting"))
    const frame = (n: string) =>
      Frame.frame(
        Array.from({ length: 24 }, () => line(n)),
        size
      )
    assert.strictEqual(Frame.difference(frame("9,997"), frame("9,997"), coloured), "")
    const one = [...frame("9,997").slice(1), ...frame("9,998").slice(0, 1)]
    const text = written(Frame.difference(frame("9,997"), one, coloured))
    assert.strictEqual(text, "\x1b[24;18H8")
  })

  it("marks the chosen line over its whole width, and paints no blank otherwise", () => {
    const size = { columns: 10, rows: 2 }
    const chosen = Frame.frame([{ pieces: [Frame.piece("ab")], chosen: true }, Frame.line(Frame.piece("ab   "))], size)
    assert.strictEqual(
      written(Frame.difference(undefined, chosen, coloured)),
      "\x1b[2J\x1b[1;1H\x1b[7mab       \x1b[27m\x1b[2;1Hab"
    )
  })

  it("goes to the cell behind every character whose width terminals disagree on", () => {
    const frame = Frame.frame([Frame.line(Frame.piece("a👩‍👩‍👧b"))], { columns: 20, rows: 1 })
    assert.strictEqual(written(Frame.difference(undefined, frame, plain)), "\x1b[2J\x1b[1;1Ha👩‍👩‍👧\x1b[1;4Hb")
  })
})
