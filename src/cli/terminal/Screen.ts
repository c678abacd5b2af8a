import * as Effect from "effect/Effect"
import type { WriteStream } from "node:tty"

/** One of the two streams a command writes to. */
export interface Screen {
  readonly isTerminal: boolean
  /** Cells per line right now; people resize windows. */
  readonly columns: () => number
  /** Lines right now. */
  readonly rows: () => number
  /**
   * Writes `text` as it is; completes when the stream has taken it, so a slow reader of a pipe slows the writer down. A
   * stream that is closed takes everything and keeps nothing: whether a broken pipe ends the command is for `main`.
   */
  readonly write: (text: string) => Effect.Effect<void>
  /** The same for bytes of others, which must reach pipes and files unchanged. */
  readonly writeBytes: (bytes: Uint8Array) => Effect.Effect<void>
}

/** A screen on `process.stdout` or `process.stderr`. A terminal that does not say its size has 80 × 24. */
export const fromStream = (stream: NodeJS.WriteStream | WriteStream): Screen => ({
  isTerminal: stream.isTTY === true,
  columns: () => stream.columns || 80,
  rows: () => stream.rows || 24,
  writeBytes: (bytes) =>
    bytes.length === 0
      ? Effect.void
      : Effect.callback<void>((resume) => {
          stream.write(bytes, () => resume(Effect.void))
        }),
  write: (text) =>
    text === ""
      ? Effect.void
      : Effect.callback<void>((resume) => {
          stream.write(text, () => resume(Effect.void))
        })
})
