/**
 * How a log rests in its files: frames of a kind, a length and that many bytes. A frame that was cut is one whose bytes
 * end early, so a log can be read while it is written and after its writer was killed. Each file begins with a `begin`
 * frame; `end` is the last of a log.
 */
import type { AttemptEnd } from "../Outputs.ts"

export const kinds = { begin: 1, stdout: 2, stderr: 3, end: 4 } as const
export type Kind = (typeof kinds)[keyof typeof kinds]

/** Bytes of kind and length. */
export const headerBytes = 5

/** Longest `begin` and `end`. */
export const mostNoteBytes = 64 * 1024

/** Bytes of stdout and of stderr. */
export type Counts = readonly [stdout: number, stderr: number]

export interface Begin {
  /** The same in all files of one log. */
  readonly run: string
  /** Number of the file within the log, from 0: files between may be gone. */
  readonly part: number
  readonly process: string
  readonly startedAt: number
  /** Written to the log before this file. */
  readonly before: Counts
}

export interface End extends AttemptEnd {
  /** Written to the log in all. */
  readonly written: Counts
}

export const header = (kind: Kind, length: number): Buffer => {
  const bytes = Buffer.allocUnsafe(headerBytes)
  bytes.writeUInt8(kind, 0)
  bytes.writeUInt32BE(length, 1)
  return bytes
}

export const note = (kind: typeof kinds.begin | typeof kinds.end, content: Begin | End): Buffer => {
  const text = Buffer.from(JSON.stringify(content))
  return Buffer.concat([header(kind, text.length), text])
}
