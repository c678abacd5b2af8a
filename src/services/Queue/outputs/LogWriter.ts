/** Writes the log of an attempt. Its memory is the chunk under way. */
import { randomBytes } from "node:crypto"
import { closeSync, ftruncateSync, writev, writevSync } from "node:fs"
import * as OwnFile from "../../../files/OwnFile.ts"
import * as OwnFolder from "../../../files/OwnFolder.ts"
import type { JobId } from "../Job.ts"
import type { AttemptEnd, OutputLog, OutputStream } from "../Outputs.ts"
import { DiskPace } from "./DiskPace.ts"
import { type Counts, header, headerBytes, kinds, note } from "./Frame.ts"
import { fileOfPart, filesOfLog, pathOf } from "./LogFiles.ts"

/** Of all logs: they are in one folder. What they are given comes from the event loop, chunk by chunk. */
const pace = new DiskPace()

export interface LogOptions {
  readonly folder: string
  readonly job: JobId
  readonly attempt: number
  readonly limitBytes: number
  /** As in `Begin`. */
  readonly process: string
  readonly startedAt: number
}

/** For the frames that are not output: the notes of each file, the headers of a chunk that is split. */
const noteRoomBytes = 2048

/** What is left to write when so many bytes of it are written. */
const after = (buffers: ReadonlyArray<Uint8Array>, written: number): ReadonlyArray<Uint8Array> => {
  let skip = written
  return buffers.flatMap((buffer) => {
    const rest = buffer.subarray(Math.min(skip, buffer.length))
    skip -= buffer.length - rest.length
    return rest.length === 0 ? [] : [rest]
  })
}

/** The system may take less than it is given, on a nearly full disk. */
const writeAllSync = (file: number, buffers: ReadonlyArray<Uint8Array>): void => {
  for (let rest = buffers; rest.length > 0; ) rest = after(rest, writevSync(file, rest))
}

const writeAll = async (file: number, buffers: ReadonlyArray<Uint8Array>): Promise<void> => {
  for (let rest = buffers; rest.length > 0; ) {
    const given = rest
    const written = await new Promise<number>((resolve, reject) =>
      writev(file, given, (error, bytes) => (error === null ? resolve(bytes) : reject(error)))
    )
    rest = after(given, written)
  }
}

/** Removes the files of an attempt; the first of them last, since none is looked for without it. */
export const removeLog = (folder: string, job: JobId, attempt: number): void => {
  for (let file = filesOfLog - 1; file >= 0; file--) OwnFile.remove(pathOf(folder, job, attempt, file))
}

export const openLog = ({ attempt, folder, job, limitBytes, process, startedAt }: LogOptions): OutputLog => {
  const fileLimit = Math.max(1, Math.floor(limitBytes / filesOfLog))
  const written = { stdout: 0, stderr: 0 }
  const counts = (): Counts => [written.stdout, written.stderr]
  let run = ""
  let part = -1
  let file: number | undefined
  /** Whole frames in the file that is written. */
  let size = 0
  let broken = false
  /** Writes follow each other. */
  let underWay: Promise<number> | undefined

  const openNext = () => {
    const path = pathOf(folder, job, attempt, fileOfPart(part + 1))
    if (file !== undefined) closeSync(file)
    file = undefined
    OwnFile.remove(path)
    if (part < 0) {
      OwnFolder.ensure(folder)
      run = randomBytes(6).toString("hex")
    }
    file = OwnFile.create(path)
    part++
    size = 0
    const first = note(kinds.begin, { run, process, startedAt, part, before: counts() })
    writeAllSync(file, [first])
    size = first.length
  }

  /** Takes back a frame that is there in part; nothing more is kept. */
  const breakOff = () => {
    broken = true
    try {
      if (file !== undefined) ftruncateSync(file, size)
    } catch {
      // Its reader finds a frame that ends early.
    }
  }

  /** Room in the file for the bytes of one more frame; a new one is begun where there is none. */
  const room = (): number => {
    if (file === undefined || size + headerBytes >= fileLimit) openNext()
    return Math.max(1, fileLimit - size - headerBytes)
  }

  /** A chunk within one file. */
  const writePiece = (piece: Uint8Array, stream: OutputStream): Promise<void> | undefined => {
    const frames = [header(kinds[stream], piece.length), piece]
    const done = () => {
      size += headerBytes + piece.length
      written[stream] += piece.length
    }
    const taken = pace.ask(
      () => writeAllSync(file!, frames),
      () => writeAll(file!, frames)
    )
    if (taken !== undefined) return taken.then(done)
    done()
    return undefined
  }

  const writeParts = async (chunk: Uint8Array, stream: OutputStream): Promise<void> => {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + room())
      await writePiece(piece, stream)
      at += piece.length
    }
  }

  const take = (chunk: Uint8Array, stream: OutputStream): number | Promise<number> => {
    const before = written[stream]
    const lose = () => {
      const kept = written[stream] - before
      // Counted, so that the log says how much is missing.
      written[stream] = before + chunk.length
      breakOff()
      return kept
    }
    if (broken) return lose()
    try {
      const done = chunk.length <= room() ? writePiece(chunk, stream) : writeParts(chunk, stream)
      return done === undefined ? chunk.length : done.then(() => chunk.length, lose)
    } catch {
      return lose()
    }
  }

  return {
    hasRoom: (bytes) =>
      !broken && Math.max(0, part) * fileLimit + size + bytes + noteRoomBytes <= filesOfLog * fileLimit,
    write: (chunk, stream) => {
      const done = underWay === undefined ? take(chunk, stream) : underWay.then(() => take(chunk, stream))
      if (typeof done === "number") return done
      underWay = done
      return done.finally(() => {
        if (underWay === done) underWay = undefined
      })
    },
    written: () => ({ ...written }),
    end: (end: AttemptEnd) => {
      try {
        if (file === undefined && !broken && end.outcome !== "completed") openNext()
        if (file !== undefined) writeAllSync(file, [note(kinds.end, { ...end, written: counts() })])
      } catch {
        breakOff()
      }
      if (file !== undefined) closeSync(file)
      file = undefined
    }
  }
}
