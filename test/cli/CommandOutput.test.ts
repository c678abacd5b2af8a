import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { CommandText, plainLine } from "../../src/cli/CommandOutput.ts"
import { ColourState } from "../../src/cli/terminal/ColourState.ts"
import * as Screen from "../../src/cli/terminal/Screen.ts"

/** What a terminal is sent of a command's output, chunk by chunk. */
const sent = (chunks: ReadonlyArray<Uint8Array>, isColoured = true): ReadonlyArray<string> => {
  const written: Array<string> = []
  const screen = Screen.make({
    isTerminal: true,
    columns: () => 80,
    rows: () => 24,
    send: (output) => Effect.sync(() => written.push(String(output)) > 0)
  })
  const text = new CommandText(isColoured)
  for (const chunk of chunks) Effect.runSync(screen.write(text.take(chunk)))
  Effect.runSync(screen.write(text.end()))
  return written
}

const whole = (text: string) => sent([Buffer.from(text)]).join("")
const byteByByte = (bytes: Uint8Array) => sent(Array.from(bytes, (byte) => Uint8Array.of(byte))).join("")

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what may act
const acting = /\x1b\[[\d;:]{0,64}m|\x1b\[[012]K|\r/g
const visible = (text: string) => text.replace(acting, "")

/** What a command may write, and what a terminal is sent of it. */
const passed: ReadonlyArray<readonly [what: string, output: string, shown: string]> = [
  ["a colour that it takes back", "\x1b[31mred\x1b[0m.\n", "\x1b[31mred\x1b[0m.\n"],
  ["a colour that it leaves", "\x1b[31mred\n", "\x1b[31mred\x1b[0m\n"],
  ["a colour without an end of line", "\x1b[1;31mred", "\x1b[1;31mred\x1b[0m"],
  ["an empty colour", "\x1b[31mred\x1b[m.", "\x1b[31mred\x1b[0m."],
  ["24-bit colours", "\x1b[38;2;1;2;3;48;2;255;255;255mx", "\x1b[38;2;1;2;3;48;2;255;255;255mx\x1b[0m"],
  ["colons", "\x1b[4:3;58:2::255:0:0mx\x1b[0m", "\x1b[4:3;58:2::255:0:0mx\x1b[0m"],
  ["progress", "10%\r20%\r\x1b[Kdone\n", "10%\r20%\r\x1b[0Kdone\n"],
  ["lines as grep colours them", "\x1b[01;31m\x1b[Kfound\x1b[m\x1b[K\n", "\x1b[01;31m\x1b[0Kfound\x1b[0m\x1b[0K\n"],
  ["lines of Windows", "a\r\nb\r\n", "a\nb\n"]
]

const stopped: ReadonlyArray<readonly [what: string, output: string, shown: string]> = [
  ["the clipboard (OSC 52)", "\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"],
  ["a link (OSC 8)", "\x1b]8;;http://a\x1b\\x\x1b]8;;\x1b\\", "\\x1b]8;;http://a\\x1b\\x\\x1b]8;;\\x1b\\"],
  ["a title, ended by C1", "\x1b]0;t\u009c", "\\x1b]0;t\\x9c"],
  ["a bell and backspaces", "a\x07\b\b", "a\\x07\\x08\\x08"],
  ["movements", "\x1b[A\x1b[2;3H\x1b[1G\x1b[2J", "\\x1b[A\\x1b[2;3H\\x1b[1G\\x1b[2J"],
  ["a colour in eight-bit C1", "\u009b31mx", "\\x9b31mx"],
  ["private modes that end in m", "\x1b[>4;1m\x1b[?4m\x1b[ 1m", "\\x1b[>4;1m\\x1b[?4m\\x1b[ 1m"],
  ["erasing more than is there to be", "\x1b[3K\x1b[?K\x1b[0;0K", "\\x1b[3K\\x1b[?K\\x1b[0;0K"],
  ["a report of the cursor, a reset, a charset", "\x1b[6n\x1bc\x1b(0", "\\x1b[6n\\x1bc\\x1b(0"],
  ["parameters without end", `\x1b[${"1;".repeat(40)}mx`, `\\x1b[${"1;".repeat(40)}mx`],
  ["a device control string", "\x1bP$q m\x1b\\", "\\x1bP$q m\\x1b\\"],
  ["a colour with a control inside", "\x1b[3\x071m", "\\x1b[3\\x071m"],
  ["a sequence that is never whole", "x\x1b[31", "x\\x1b[31"],
  ["an escape at the end", "x\x1b", "x\\x1b"],
  ["letters that read backwards", "a\u202eb", "a\\u{202e}b"]
]

describe("the output of a command on a terminal", () => {
  for (const [what, output, shown] of passed)
    it(`passes ${what}, and ends without colour`, () => {
      assert.strictEqual(whole(output), shown)
      assert.strictEqual(visible(byteByByte(Buffer.from(output))), visible(shown))
    })

  for (const [what, output, shown] of stopped)
    it(`shows ${what} as text, however it is cut`, () => {
      assert.strictEqual(whole(output), shown)
      assert.strictEqual(byteByByte(Buffer.from(output)), shown)
    })

  it("goes on in the colours that were left, after whatever was written between", () => {
    const chunks = ["\x1b[1;31mred ", "and bold\n", "\x1b[22;4mstill red\n", "\x1b[39;24mplain\n"].map((text) =>
      Buffer.from(text)
    )
    assert.deepStrictEqual(sent(chunks), [
      "\x1b[1;31mred \x1b[0m",
      "\x1b[1m\x1b[31mand bold\x1b[0m\n",
      "\x1b[1m\x1b[31m\x1b[22;4mstill red\x1b[0m\n",
      "\x1b[31m\x1b[4m\x1b[39;24mplain\n"
    ])
  })

  it("leaves colours out where none are wanted, and keeps carriage returns", () => {
    assert.deepStrictEqual(sent([Buffer.from("\x1b[31m10%\x1b[0m\r\x1b[K20%\n")], false), ["10%\r20%\n"])
  })

  it("keeps characters that are cut between chunks", () => {
    assert.strictEqual(byteByByte(Buffer.from("grüße 👩")), "grüße 👩")
  })

  const pieces = [
    "\x1b",
    "[",
    "31",
    ";",
    ":",
    "m",
    "K",
    "0",
    "\r",
    "\n",
    "\x9b",
    "]",
    "\x07",
    "a",
    "ä",
    "\x1b[4m",
    "\x1b[38;5;1m",
    "\x1b[2J"
  ]

  it.prop(
    "lets nothing act but colours, carriage returns and erasing in a line, in any pieces, and is without colour after each chunk",
    [Schema.Array(Schema.Array(Schema.Literals(pieces)))],
    ([chunks]) => {
      for (const written of sent(chunks.map((chunk) => Buffer.from(chunk.join(""))))) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be sent
        assert.notMatch(visible(written), /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
        const left = new ColourState()
        for (const sequence of written.match(acting) ?? []) if (sequence.endsWith("m")) left.take(sequence.slice(2, -1))
        assert.deepStrictEqual(left.parameters, [])
      }
    }
  )

  it.prop(
    "shows the same text however it is cut",
    [Schema.Array(Schema.Literals(pieces)), Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))],
    ([text, at]) => {
      const bytes = Buffer.from(text.join(""))
      const cut = sent([bytes.subarray(0, at), bytes.subarray(at)]).join("")
      assert.strictEqual(visible(cut).replaceAll("\n", ""), visible(sent([bytes]).join("")).replaceAll("\n", ""))
    }
  )

  it("is, as one line of a screen of ours, what stands there in the end, without colours", () => {
    assert.strictEqual(plainLine("\x1b[31m10%\r\x1b[K20%\x1b[0m\r"), "20%")
    assert.strictEqual(plainLine("\x1b]0;t\x07"), "\x1b]0;t\x07")
  })
})
