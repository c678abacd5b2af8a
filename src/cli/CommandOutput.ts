/**
 * Output of commands on its way to a terminal; into pipes and files it goes byte for byte. Colours (SGR), carriage
 * returns and erasing within a line pass: with these a command draws nothing but its own line. Every other control
 * sequence stays text, which a screen shows as escapes.
 */
import type { Output } from "./Output.ts"
import { ColourState } from "./terminal/ColourState.ts"
import { carriageReturn, sequence, lineDrawing, cutDrawing } from "./terminal/ControlSequence.ts"
import { coloured } from "./terminal/Style.ts"

/**
 * One stream of one command as text for a screen, chunk by chunk. Characters and sequences may be cut between chunks.
 * After each chunk the terminal is without colour again, whatever is written next; the next chunk goes on in the
 * colours that were left.
 */
export class CommandText {
  private readonly decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  private readonly colours = new ColourState()
  private readonly isColoured: boolean
  private rest = ""
  private paint = ""

  /** Without colours they are left out. */
  constructor(isColoured: boolean) {
    this.isColoured = isColoured
  }

  /** From here on what the command does not colour itself is in this colour, a parameter of SGR like `32`. */
  paintIn(colour: string): void {
    if (this.isColoured) this.paint = sequence(colour, "m")
  }

  take(chunk: Uint8Array): string {
    const text = this.rest + this.decoder.decode(chunk, { stream: true })
    const end = cutDrawing.exec(text)?.index ?? text.length
    this.rest = text.slice(end)
    return this.show(text.slice(0, end))
  }

  /** What was cut and will not be whole. */
  end(): string {
    const text = this.rest + this.decoder.decode()
    this.rest = ""
    return this.show(text)
  }

  private show(text: string): string {
    if (text === "") return ""
    const before = this.paint + this.colours.parameters.map((parameters) => sequence(parameters, "m")).join("")
    const shown = text.replaceAll("\r\n", "\n").replace(lineDrawing, (found, colour?: string, erased?: string) => {
      if (found === "\r") return carriageReturn()
      if (!this.isColoured) return ""
      if (colour === undefined) return sequence(erased || "0", "K")
      this.colours.take(colour)
      return sequence(colour || "0", "m") + (this.colours.hasForeground ? "" : this.paint)
    })
    if (this.paint === "" && this.colours.parameters.length === 0) return before + shown
    const end = shown.endsWith("\n") ? shown.length - 1 : shown.length
    return before + shown.slice(0, end) + sequence("0", "m") + shown.slice(end)
  }
}

/** For the two streams of a command, each as its terminal and the caller want it. */
export const texts = (out: Output) => ({
  stdout: new CommandText(out.style === coloured),
  stderr: new CommandText(out.noteStyle === coloured)
})

/** A line of output without its colours, as it stands on the terminal once it is written. */
export const plainLine = (line: string): string =>
  line
    .replace(lineDrawing, (found) => (found === "\r" ? found : ""))
    .split("\r")
    .findLast((part) => part !== "") ?? ""

/** Stands where bytes of a stream were not kept. */
export const leftOutLine = (bytes: number): string => `\n[... ${bytes} bytes left out ...]\n`
