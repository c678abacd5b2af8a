import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { sequence } from "../../../src/cli/terminal/ControlSequence.ts"
import * as Sanitize from "../../../src/cli/terminal/Sanitize.ts"
import * as Screen from "../../../src/cli/terminal/Screen.ts"
import { coloured } from "../../../src/cli/terminal/Style.ts"

const make = (isTerminal: boolean) => {
  const sent: Array<string | Uint8Array> = []
  const screen = Screen.make({
    isTerminal,
    columns: () => 80,
    rows: () => 24,
    send: (output) => Effect.sync(() => sent.push(output) > 0)
  })
  return { screen, sent }
}

const written = (text: string): string => {
  const { screen, sent } = make(true)
  Effect.runSync(screen.write(text))
  return sent.join("")
}

const pieces = ["\x1b", "[", "31", ";", "m", "1234", "K", "J", "\x9b", "\n", "a", "\x1b[31m", "\x1b]0;t\x07", "\x1b[2J"]

describe("Screen", () => {
  it("sends our own styles and movements, and shows those of others", () => {
    assert.strictEqual(written(`${coloured.bad("evil\x1b[2J")}!\n`), "\x1b[31mevil\\x1b[2J\x1b[39m!\n")
    assert.strictEqual(written(sequence("3", "F") + sequence("0", "J")), "\x1b[3F\x1b[0J")
    assert.strictEqual(written("\x1b[31mred\x1b[39m"), "\\x1b[31mred\\x1b[39m")
  })

  it("keeps styles where text is made safe before, and a second time changes nothing", () => {
    const line = Sanitize.line(`${coloured.bold("a\nb")}\x1b[K`)
    assert.strictEqual(Sanitize.line(line), line)
    assert.strictEqual(written(line), "\x1b[1ma\\nb\x1b[22m\\x1b[K")
  })

  it.prop(
    "lets no control sequence of others act, in pieces or whole, around our own",
    [Schema.Array(Schema.Literals(pieces)), Schema.Array(Schema.Literals(pieces))],
    ([before, within]) => {
      const shown = written(`${before.join("")}${coloured.good(`${within.join("")}.`)}`)
      const rest = shown.replace("\x1b[32m", "")
      assert.isTrue(rest.endsWith("\x1b[39m"))
      assert.deepStrictEqual(
        Array.from(rest.slice(0, -5)).filter((character) => "\x1b\x9b\x07".includes(character)),
        []
      )
    }
  )

  it("sends bytes of commands unchanged into pipes, and as safe text to a terminal", () => {
    const bytes = Buffer.from("\ufeffa\x1b[2J\xff", "latin1")
    const pipe = make(false)
    Effect.runSync(pipe.screen.writeBytes(bytes))
    assert.deepStrictEqual(pipe.sent, [bytes])
    const terminal = make(true)
    Effect.runSync(terminal.screen.writeBytes(Buffer.from("\ufeffa\x1b[2J\r\n")))
    assert.deepStrictEqual(terminal.sent, ["\\u{feff}a\\x1b[2J\n"])
  })
})
