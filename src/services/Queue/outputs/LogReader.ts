/** Reads a log from its files, also while it is written. */
import { closeSync, read, readSync } from "node:fs"
import * as OwnFile from "../../../files/OwnFile.ts"
import type { JobId } from "../Job.ts"
import type { OutputPiece, OutputReader } from "../Outputs.ts"
import { DiskPace } from "./DiskPace.ts"
import { type Begin, type End, headerBytes, type Kind, kinds, mostNoteBytes } from "./Frame.ts"
import { filesOfLog, pathOf } from "./LogFiles.ts"

const bufferBytes = 256 * 1024

/** A reader that also hears what a log says of itself. */
export interface LogReader extends OutputReader {
  readonly begin: () => Begin | undefined
}

/** 2 MiB and some 2 ms in a row. */
const pace = new DiskPace(8)

/** Of a reader that was closed, for the next one: they mostly follow each other. */
let spare: Buffer | undefined

const takeBuffer = (): Buffer => {
  const buffer = spare ?? Buffer.allocUnsafeSlow(bufferBytes)
  spare = undefined
  return buffer
}

const readAt = async (file: number, buffer: Buffer, at: number, position: number): Promise<number> =>
  pace.ask(
    () => readSync(file, buffer, at, buffer.length - at, position),
    () =>
      new Promise((resolve, reject) =>
        read(file, buffer, at, buffer.length - at, position, (error, bytes) =>
          error === null ? resolve(bytes) : reject(error)
        )
      )
  )

interface Source {
  readonly file: number
  /** Where to read next. */
  position: number
  readonly begin: Begin
}

/** A piece of bytes of either stream left out; undefined: none is. */
const leftOut = (stdout: number, stderr: number): OutputPiece | undefined =>
  stdout > 0 || stderr > 0 ? { _tag: "LeftOut", stdout: Math.max(0, stdout), stderr: Math.max(0, stderr) } : undefined

export const openReader = (folder: string, job: JobId, attempt: number): LogReader => {
  let source: Source | undefined
  let buffer: Buffer | undefined
  let from = 0
  let to = 0
  /** Of the frame that is being read; undefined between frames. */
  let kind: Kind | undefined
  let remaining = 0
  const seen = { stdout: 0, stderr: 0 }
  let pending: OutputPiece | undefined
  /** It was read to its end, or is closed: nothing more comes. */
  let isOver = false
  let isReading = false

  /** A file of the log; undefined when it is not there, or says nothing yet. */
  const open = async (number: number): Promise<Source | undefined> => {
    let file: number
    try {
      file = OwnFile.open(pathOf(folder, job, attempt, number), "read")
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
      throw error
    }
    try {
      const start = Buffer.alloc(4096)
      const length = await readAt(file, start, 0, 0)
      const size = length < headerBytes ? mostNoteBytes : start.readUInt32BE(1)
      if (start[0] === kinds.begin && headerBytes + size <= length) {
        const begin = JSON.parse(start.toString("utf8", headerBytes, headerBytes + size)) as Begin
        return { file, position: headerBytes + size, begin }
      }
    } catch {
      // Cut within its first frame.
    }
    closeSync(file)
    return undefined
  }

  /** The next file of this log that is there. */
  const openLater = async (current: Begin): Promise<Source | undefined> => {
    let best: Source | undefined
    for (let number = 1; number < filesOfLog; number++) {
      const found = await open(number)
      if (found === undefined) continue
      const { part, run } = found.begin
      const isNearer = run === current.run && part > current.part && (best === undefined || part < best.begin.part)
      if (isNearer) {
        if (best !== undefined) closeSync(best.file)
        best = found
      } else closeSync(found.file)
    }
    return best
  }

  const enter = (next: Source) => {
    if (source !== undefined) closeSync(source.file)
    source = next
    from = to = remaining = 0
    kind = undefined
    const [stdout, stderr] = next.begin.before
    pending = leftOut(stdout - seen.stdout, stderr - seen.stderr)
    Object.assign(seen, { stdout, stderr })
  }

  /** Reads on in this file; false at its end. */
  const fill = async (): Promise<boolean> => {
    buffer ??= takeBuffer()
    buffer.copyWithin(0, from, to)
    to -= from
    from = 0
    isReading = true
    const bytes = await readAt(source!.file, buffer, to, source!.position)
    isReading = false
    source!.position += bytes
    to += bytes
    return bytes > 0
  }

  /** More to read, in this file or the next; false: nothing more for now. */
  const more = async (): Promise<boolean> => {
    if (await fill()) return true
    const later = await openLater(source!.begin)
    if (later === undefined) return false
    // What was written before the next file was begun is there now.
    if (await fill()) {
      closeSync(later.file)
      return true
    }
    enter(later)
    return true
  }

  const next = async (): Promise<OutputPiece | undefined> => {
    if (isOver) return undefined
    if (source === undefined) {
      const first = await open(0)
      if (first === undefined) return undefined
      enter(first)
    }
    for (;;) {
      if (pending !== undefined) {
        const piece = pending
        pending = undefined
        if (piece._tag === "End") isOver = true
        return piece
      }
      if (kind === kinds.stdout || kind === kinds.stderr) {
        if (remaining === 0) kind = undefined
        else if (from < to) {
          const bytes = buffer!.subarray(from, Math.min(to, from + remaining))
          from += bytes.length
          remaining -= bytes.length
          const stream = kind === kinds.stdout ? "stdout" : "stderr"
          seen[stream] += bytes.length
          return { _tag: "Bytes", stream, bytes }
        } else if (!(await more())) return undefined
        continue
      }
      if (kind === undefined && to - from >= headerBytes) {
        kind = buffer!.readUInt8(from) as Kind
        remaining = buffer!.readUInt32BE(from + 1)
        from += headerBytes
        continue
      }
      if (kind === kinds.end && to - from >= remaining) {
        const { written, ...end } = JSON.parse(buffer!.toString("utf8", from, from + remaining)) as End
        from += remaining
        kind = undefined
        pending = { _tag: "End", end }
        const missing = leftOut(written[0] - seen.stdout, written[1] - seen.stderr)
        Object.assign(seen, { stdout: written[0], stderr: written[1] })
        if (missing !== undefined) return missing
        continue
      }
      // No writer of ours makes such a frame.
      if (kind !== undefined && (kind !== kinds.end || remaining > mostNoteBytes)) return undefined
      if (!(await more())) return undefined
    }
  }

  return {
    begin: () => source?.begin,
    next,
    close: () => {
      isOver = true
      pending = undefined
      // A read under way still fills it.
      if (!isReading) spare = buffer ?? spare
      buffer = undefined
      if (source !== undefined) closeSync(source.file)
      source = undefined
    }
  }
}
