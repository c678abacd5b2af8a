/** Progress and log lines of running jobs. A note whose attempt has passed on is dropped. */
import type { JobId } from "../../Queue/Job.ts"
import type { LogLevel, LogLine, ProgressNote } from "../Turn.ts"
import type { Database, Query } from "./Database.ts"
import type { LaneCounters } from "./LaneCounters.ts"

/** Lines kept per job, the newest. */
const linesPerJob = 1_000
/** Bytes of UTF-8 kept of a line. */
const lineBytes = 8 * 1024

const levels: ReadonlyArray<LogLevel> = ["debug", "info", "warning", "error"]

/** The longest beginning of a text that fits. */
const cut = (text: string): string => {
  if (text.length * 3 <= lineBytes || Buffer.byteLength(text) <= lineBytes) return text
  const bytes = Buffer.from(text)
  let end = lineBytes
  while ((bytes[end]! & 0xc0) === 0x80) end--
  return bytes.toString("utf8", 0, end)
}

export class Notes {
  private readonly laneCounters: LaneCounters
  private readonly selectToken: Query<[1]>
  private readonly upsertProgress: Query<[]>
  private readonly selectProgress: Query<[value: string | null]>
  private readonly upsertStep: Query<[]>
  private readonly selectStep: Query<[value: string]>
  private readonly selectLastLine: Query<[line: number]>
  private readonly insertLine: Query<[]>
  private readonly trim: Query<[]>
  private readonly selectLines: Query<[line: number, attempt: number, at: number, level: number, message: string]>

  constructor(db: Database, laneCounters: LaneCounters) {
    this.laneCounters = laneCounters
    this.selectToken = db.prepare("SELECT 1 FROM running WHERE id = ?1 AND (session = ?2 OR ?2 = 0) AND attempt = ?3")
    this.upsertProgress = db.prepare("INSERT OR REPLACE INTO progress(job, value) VALUES (?, ?)")
    this.selectProgress = db.prepare("SELECT value FROM progress WHERE job = ?")
    this.upsertStep = db.prepare("INSERT OR REPLACE INTO step(job, name, value) VALUES (?, ?, ?)")
    this.selectStep = db.prepare("SELECT value FROM step WHERE job = ? AND name = ?")
    this.selectLastLine = db.prepare("SELECT line FROM log WHERE job = ? ORDER BY line DESC LIMIT 1")
    this.insertLine = db.prepare("INSERT INTO log(job, line, attempt, at, level, message) VALUES (?, ?, ?, ?, ?, ?)")
    this.trim = db.prepare("DELETE FROM log WHERE job = ? AND line <= ?")
    this.selectLines = db.prepare(
      "SELECT line, attempt, at, level, message FROM log WHERE job = ? AND line > ? ORDER BY line LIMIT ?"
    )
  }

  /** Whether the attempt still runs; session 0 stands for whichever runs it. */
  private holds(id: JobId, session: number, attempt: number): boolean {
    return this.selectToken.get(id, session, attempt) !== undefined
  }

  progress(notes: ReadonlyArray<ProgressNote>, session: number): void {
    const last = new Map<JobId, ProgressNote>()
    for (const note of notes) {
      if (note.step === undefined) last.set(note.id, note)
      else if (this.holds(note.id, session, note.attempt)) this.keepStep(note.id, note.step, note.value as string)
    }
    for (const { attempt, id, value } of last.values()) {
      if (!this.holds(id, session, attempt)) continue
      this.upsertProgress.run(id, value as string | null)
      this.laneCounters.jobNoted()
    }
  }

  private keepStep(id: JobId, name: string, value: string): void {
    this.upsertStep.run(id, name, value)
    this.laneCounters.hasSteps = true
  }

  stepOf(id: JobId, name: string): string | undefined {
    return this.laneCounters.hasSteps ? this.selectStep.get(id, name)?.[0] : undefined
  }

  progressOf(id: JobId): string | undefined {
    return this.selectProgress.get(id)?.[0] ?? undefined
  }

  /** Lines are numbered from 1 on, per job. */
  logs(lines: ReadonlyArray<LogLine>, session: number): void {
    const next = new Map<JobId, number>()
    for (const { at, attempt, id, level, message } of lines) {
      if (!this.holds(id, session, attempt)) continue
      const line = next.get(id) ?? (this.selectLastLine.get(id)?.[0] ?? 0) + 1
      this.insertLine.run(id, line, attempt, at, levels.indexOf(level), cut(message))
      next.set(id, line + 1)
      this.laneCounters.jobNoted()
    }
    for (const [id, line] of next) if (line > linesPerJob + 1) this.trim.run(id, line - 1 - linesPerJob)
  }

  read(id: JobId, after: number, limit: number): { readonly lines: ReadonlyArray<LogLine>; readonly next: number } {
    const found = this.selectLines.all(id, after, limit)
    return {
      lines: found.map(([, attempt, at, level, message]) => ({ id, attempt, at, level: levels[level]!, message })),
      next: found.length === 0 ? after : found[found.length - 1]![0]
    }
  }
}
