import * as Effect from "effect/Effect"
import type { WriteStream } from "node:tty"
import { SafeText } from "../../services/Text/index.ts"
import * as ControlSequence from "./ControlSequence.ts"

/** One of the two streams a command writes to. Nothing but our own control sequences acts on a terminal behind it. */
export interface Screen {
  readonly isTerminal: boolean
  /** Cells per line right now; people resize windows. */
  readonly columns: () => number
  /** Lines right now. */
  readonly rows: () => number
  /**
   * Writes `text`: newlines, tabs and our own control sequences (`Style`, `ControlSequence`) as they are, every other unsafe character (`SafeText`)
   * shown as an escape, whether this is a terminal or not. Completes when the stream has taken it, so a slow reader of a pipe slows the
   * writer down. A stream that is closed takes everything and keeps nothing: whether a broken pipe ends the command is for `main`.
   */
  readonly write: (text: string) => Effect.Effect<void>
  /** Bytes of others: unchanged into pipes and files, as text of `write` on a terminal. */
  readonly writeBytes: (bytes: Uint8Array) => Effect.Effect<void>
}

/** Where a screen's output goes: sent as it is. */
export interface Device {
  readonly isTerminal: boolean
  readonly columns: () => number
  readonly rows: () => number
  readonly send: (output: string | Uint8Array) => Effect.Effect<void>
}

const asText = new TextDecoder("utf-8", { ignoreBOM: true })

export const make = ({ columns, isTerminal, rows, send }: Device): Screen => {
  const write = (text: string) => (text === "" ? Effect.void : send(ControlSequence.unsign(text, SafeText.block)))
  return {
    isTerminal,
    columns,
    rows,
    write,
    writeBytes: (bytes) => (bytes.length === 0 ? Effect.void : isTerminal ? write(asText.decode(bytes)) : send(bytes))
  }
}

/** A screen on `process.stdout` or `process.stderr`. A terminal that does not say its size has 80 × 24. */
export const fromStream = (stream: NodeJS.WriteStream | WriteStream): Screen =>
  make({
    isTerminal: stream.isTTY === true,
    columns: () => stream.columns || 80,
    rows: () => stream.rows || 24,
    send: (output) =>
      Effect.callback<void>((resume) => {
        stream.write(output, () => resume(Effect.void))
      })
  })
