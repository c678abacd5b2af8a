/**
 * What handlers really did, written by themselves: one file per worker process, one line per entry, each line one
 * `write` to a descriptor in append mode. What was written is there however the process ends; only the last line of a
 * killed process may be torn.
 */
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs"
import path from "node:path"

export interface Entry {
  /** Milliseconds since 1970, by the one clock of this machine. */
  readonly at: number
  /** Name of the worker process. Names are never used twice. */
  readonly process: string
  /**
   * `start`, `end`: of a handler; `failed`: it ended by failing of itself. `accepted`, `refused`: what the store said
   * of the result. `blocked`: this job was named as holding the event loop. `created`, `existing`, `rolledBack`: how an
   * enqueue of the key in `detail` was acknowledged. `notStored`: it failed, for the reason in `detail`.
   */
  readonly kind:
    | "start"
    | "end"
    | "failed"
    | "accepted"
    | "refused"
    | "blocked"
    | "created"
    | "existing"
    | "rolledBack"
    | "notStored"
  readonly id: number
  /** 0 where it is not known. */
  readonly attempt: number
  readonly detail?: string
}

export class LedgerWriter {
  private readonly process: string
  private readonly descriptor: number

  constructor(folder: string, process: string) {
    this.process = process
    mkdirSync(folder, { recursive: true })
    this.descriptor = openSync(path.join(folder, `${process}.ndjson`), "a")
  }

  write(kind: Entry["kind"], id: number, attempt: number, detail?: string): void {
    const entry: Entry = {
      at: Date.now(),
      process: this.process,
      kind,
      id,
      attempt,
      ...(detail === undefined ? {} : { detail })
    }
    writeSync(this.descriptor, `${JSON.stringify(entry)}\n`)
  }
}

const entriesIn = (file: string): ReadonlyArray<Entry> => {
  const lines = readFileSync(file, "utf8").split("\n")
  // After the last newline: nothing, or a torn line.
  lines.pop()
  return lines.map((line) => JSON.parse(line) as Entry)
}

/** All entries of all processes, in order of time. */
export const readLedger = (folder: string): ReadonlyArray<Entry> => {
  mkdirSync(folder, { recursive: true })
  return readdirSync(folder)
    .flatMap((file) => entriesIn(path.join(folder, file)))
    .sort((a, b) => a.at - b.at)
}

/** Whether a handler of the process has begun and not ended. */
export const isAtWork = (folder: string, process: string): boolean => {
  const file = path.join(folder, `${process}.ndjson`)
  if (!existsSync(file)) return false
  const running = new Set<string>()
  for (const { attempt, id, kind } of entriesIn(file)) {
    if (kind === "start") running.add(`${id} ${attempt}`)
    else if (kind === "end" || kind === "failed") running.delete(`${id} ${attempt}`)
  }
  return running.size > 0
}
