/**
 * What is known of a map across its runs: a file per map in the state folder, known by the map's identity. The jobs
 * themselves rest in the store, but retention removes old ones; this record says which lines are finished however many
 * there are.
 *
 * The first line is a JSON header. Then `NUMBER EXIT JOB ATTEMPT STDOUT STDERR` for each finished line (bytes of its
 * output, which rests in the log of that attempt), appended after its output was printed, `from NUMBER` where the list
 * turned out to be another from that line on, which makes void what was said of these lines before, and `end` when all
 * are. A line that is not ended by a newline was being written when the process died, and does not count.
 */
import { closeSync, fsyncSync, renameSync, writeSync } from "node:fs"
import path from "node:path"
import * as OwnFile from "../../files/OwnFile.ts"
import { Job, type JobId } from "../../services/Queue/index.ts"

export interface Header {
  /** Batch key of the run's jobs. */
  readonly batch: string
  /** Unless it was not known when the run began. */
  readonly total?: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

export interface FinishedLine {
  readonly exit: number
  readonly job: JobId
  readonly attempt: number
  /** Bytes it wrote. */
  readonly stdout: number
  readonly stderr: number
}

export interface Known {
  readonly header: Header
  /** Each finished line, by its number from 1. */
  readonly finished: ReadonlyMap<number, FinishedLine>
  readonly ended: boolean
}

const fileOf = (folder: string, identity: string) => path.join(folder, `${identity}.map`)

/** `undefined`: this map never ran, or its record cannot be read. */
export const load = (folder: string, identity: string): Known | undefined => {
  let text: string | undefined
  try {
    text = OwnFile.readText(fileOf(folder, identity))
  } catch {
    return undefined
  }
  if (text === undefined) return undefined
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n")
  let header: Header
  try {
    header = JSON.parse(lines[0]!) as Header
  } catch {
    return undefined
  }
  const finished = new Map<number, FinishedLine>()
  let ended = false
  for (const line of lines.slice(1)) {
    if (line === "end") ended = true
    const other = /^from (\d+)$/.exec(line)
    if (other !== null) for (const number of finished.keys()) if (number >= Number(other[1])) finished.delete(number)
    const found = /^(\d+) (-?\d+) ([0-9a-z]{11}) (\d+) (\d+) (\d+)$/.exec(line)
    const job = found === null ? undefined : Job.parseJobId(found[3]!)
    if (job === undefined) continue
    const [number, exit, , attempt, stdout, stderr] = found!.slice(1).map(Number) as [number, ...Array<number>]
    finished.set(number, { exit: exit!, job, attempt: attempt!, stdout: stdout!, stderr: stderr! })
  }
  return { header, finished, ended }
}

export interface MapRecord {
  readonly finished: (number: number, line: FinishedLine) => void
  /** What is known of this line and those behind it is of another list. */
  readonly forgetFrom: (number: number) => void
  /** On disk whatever happens to the machine. */
  readonly sync: () => void
  readonly end: () => void
  readonly close: () => void
}

const text = (number: number, { attempt, exit, job, stderr, stdout }: FinishedLine): string =>
  `${number} ${exit} ${Job.formatJobId(job)} ${attempt} ${stdout} ${stderr}\n`

/** Begins a record anew, or goes on with one; lines of `known` that are to run again are left out. */
export const open = (
  folder: string,
  identity: string,
  header: Header,
  known: ReadonlyMap<number, FinishedLine> | undefined
): MapRecord => {
  const file = fileOf(folder, identity)
  const temporary = `${file}.${process.pid}`
  OwnFile.remove(temporary)
  const descriptor = OwnFile.create(temporary)
  writeSync(descriptor, `${JSON.stringify(header)}\n`)
  for (const [number, line] of known ?? []) writeSync(descriptor, text(number, line))
  // Renamed when whole, so that a kill in between leaves the record there was.
  renameSync(temporary, file)
  let dirty = true
  const sync = () => {
    if (dirty) fsyncSync(descriptor)
    dirty = false
  }
  return {
    finished: (number, line) => {
      writeSync(descriptor, text(number, line))
      dirty = true
    },
    forgetFrom: (number) => {
      writeSync(descriptor, `from ${number}\n`)
      dirty = true
    },
    sync,
    end: () => {
      writeSync(descriptor, "end\n")
      fsyncSync(descriptor)
    },
    close: () => {
      sync()
      closeSync(descriptor)
    }
  }
}

/** Forgets a map that ended without a failure: there is nothing to go on with. */
export const remove = (folder: string, identity: string): void => OwnFile.remove(fileOf(folder, identity))
