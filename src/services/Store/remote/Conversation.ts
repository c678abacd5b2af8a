/** One end of a byte stream on which messages are said and heard, until it is closed. */
import type { Duplex } from "node:stream"
import { frame, FrameReader } from "./Frames.ts"

export interface ConversationOptions {
  readonly maxMessageBytes: number
  /** What it throws ends the conversation. */
  readonly hear: (text: string) => void
  /** Once, whoever ended it; nothing is heard after it. */
  readonly over: (why: string | undefined) => void
}

export class Conversation {
  private readonly stream: Duplex
  private readonly options: ConversationOptions
  private isOver = false

  constructor(stream: Duplex, options: ConversationOptions) {
    this.stream = stream
    this.options = options
    const reader = new FrameReader(options.maxMessageBytes)
    stream.on("data", (piece: Buffer) => {
      if (this.isOver) return
      try {
        for (const text of reader.push(piece)) if (!this.isOver) options.hear(text)
      } catch (error) {
        this.end(error instanceof Error ? error.message : String(error))
      }
    })
    stream.on("error", (error) => this.end(error.message))
    stream.on("end", () => this.end(undefined))
    stream.on("close", () => this.end(undefined))
  }

  /** Throws `FrameTooLarge`. Who does not read is left once more than two of the longest messages wait for it. */
  say(text: string): void {
    if (this.isOver) return
    const bytes = frame(text, this.options.maxMessageBytes)
    this.stream.write(bytes)
    if (this.stream.writableLength > 2 * this.options.maxMessageBytes) this.end("The other side does not read")
  }

  end(why: string | undefined): void {
    if (this.isOver) return
    this.isOver = true
    this.stream.destroy()
    this.options.over(why)
  }
}
