import * as Effect from "effect/Effect"
import { fstatSync, writeSync } from "node:fs"
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
   * Writes `text`: newlines, tabs and our own control sequences (`Style`, `ControlSequence`) as they are, every other
   * unsafe character (`SafeText`) shown as an escape, whether this is a terminal or not. Completes when the stream has
   * taken it, so a slow reader of a pipe slows the writer down. A stream that is closed takes everything and keeps
   * nothing: whether a broken pipe ends the command is for `main`.
   */
  readonly write: (text: string) => Effect.Effect<void>
  /**
   * Bytes of others: unchanged into pipes and files, as text of `write` on a terminal. False when they could not be
   * written, all of them: for who notes that they were.
   */
  readonly writeBytes: (bytes: Uint8Array) => Effect.Effect<boolean>
}

/** Where a screen's output goes: sent as it is, false when it did not get there. */
export interface Device {
  readonly isTerminal: boolean
  readonly columns: () => number
  readonly rows: () => number
  readonly send: (output: string | Uint8Array) => Effect.Effect<boolean>
}

type FileStream = NodeJS.WriteStream & { readonly fd: number }

const asText = new TextDecoder("utf-8", { ignoreBOM: true })

export const make = ({ columns, isTerminal, rows, send }: Device): Screen => {
  const show = (text: string) =>
    text === "" ? Effect.succeed(true) : send(ControlSequence.unsign(text, SafeText.block))
  return {
    isTerminal,
    columns,
    rows,
    write: (text) => Effect.asVoid(show(text)),
    writeBytes: (bytes) =>
      bytes.length === 0 ? Effect.succeed(true) : isTerminal ? show(asText.decode(bytes)) : send(bytes)
  }
}

/**
 * Node writes to a file once and takes no notice when only a part was taken, which is how a disk gets full. Here all is
 * written or the error is the stream's, whose listener ends the command.
 */
const sendToFile =
  (stream: FileStream) =>
  (output: string | Uint8Array): Effect.Effect<boolean> =>
    Effect.sync(() => {
      const bytes = typeof output === "string" ? Buffer.from(output) : output
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(stream.fd, bytes, at)
        return true
      } catch (error) {
        stream.emit("error", error)
        return false
      }
    })

const sendToStream =
  (stream: FileStream) =>
  (output: string | Uint8Array): Effect.Effect<boolean> =>
    Effect.callback<boolean>((resume) => {
      stream.write(output, (error) => resume(Effect.succeed(error === undefined || error === null)))
    })

const isFile = ({ fd, isTTY }: FileStream): boolean => {
  if (isTTY) return false
  try {
    const stats = fstatSync(fd)
    return stats.isFile() || stats.isCharacterDevice()
  } catch {
    return false
  }
}

/** A screen on `process.stdout` or `process.stderr`. A terminal that does not say its size has 80 × 24. */
export const fromStream = (stream: FileStream): Screen =>
  make({
    isTerminal: stream.isTTY === true,
    columns: () => stream.columns || 80,
    rows: () => stream.rows || 24,
    send: isFile(stream) ? sendToFile(stream) : sendToStream(stream)
  })
