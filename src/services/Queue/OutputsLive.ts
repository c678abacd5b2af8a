import { lstatSync, mkdtempSync, readdirSync, rmSync, watch as watchFolder } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { Clock, Effect, Layer } from "effect"
import * as OwnFolder from "../../files/OwnFolder.ts"
import { ownUid } from "../../files/Ownership.ts"
import type { JobId } from "./Job.ts"
import { JobStore } from "../Store/JobStore.ts"
import { type AttemptRecord, Outputs, type StoredOutput } from "./Outputs.ts"
import { inputPathOf, parse, pathOf } from "./outputs/LogFiles.ts"
import { logName } from "./policy/LogName.ts"
import { openReader } from "./outputs/LogReader.ts"
import { openLog, removeLog } from "./outputs/LogWriter.ts"
import { Settings } from "./QueueSettings.ts"

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT"

const readRecord = async (folder: string, job: JobId, attempt: number): Promise<AttemptRecord | undefined> => {
  const reader = openReader(folder, job, attempt)
  try {
    const kept = { stdout: 0, stderr: 0 }
    const written = { stdout: 0, stderr: 0 }
    let end: AttemptRecord["end"]
    for (let piece = await reader.next(); piece !== undefined; piece = await reader.next()) {
      if (piece._tag === "End") end = piece.end
      else if (piece._tag === "Bytes") {
        kept[piece.stream] += piece.bytes.length
        written[piece.stream] += piece.bytes.length
      } else {
        written.stdout += piece.stdout
        written.stderr += piece.stderr
      }
    }
    const begin = reader.begin()
    if (begin === undefined) return undefined
    const { process, startedAt } = begin
    return { attempt, process, startedAt, end, written, kept, log: logName(job, attempt) }
  } finally {
    reader.close()
  }
}

const storedIn = (folder: string): ReadonlyArray<StoredOutput> => {
  let names: ReadonlyArray<string>
  try {
    names = readdirSync(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
  const found = new Map<JobId, StoredOutput>()
  for (const name of names) {
    const log = parse(name)
    const stats = log && lstatSync(join(folder, name), { throwIfNoEntry: false })
    if (log === undefined || stats === undefined) continue
    const before = found.get(log.job)
    found.set(log.job, {
      job: log.job,
      attempts: Math.max(log.attempt, before?.attempts ?? 0),
      bytes: stats.size + (before?.bytes ?? 0),
      changedAt: Math.max(stats.mtimeMs, before?.changedAt ?? 0)
    })
  }
  return [...found.values()].sort((a, b) => a.job - b.job)
}

/**
 * Beside the store, for this user alone; where another user of a shared store was first, under a name of this one's.
 */
const folderOf = (file: string | undefined): string | undefined => {
  if (file === undefined) return undefined
  const folder = `${file}.outputs`
  try {
    OwnFolder.look(folder)
    return folder
  } catch {
    return `${folder}-${ownUid() ?? 0}`
  }
}

export const layer: Layer.Layer<Outputs, never, JobStore> = Layer.effect(
  Outputs,
  Effect.gen(function* () {
    const { traits } = yield* JobStore
    const { outputLimitBytes } = yield* Settings
    const clock = yield* Clock.Clock
    const ownProcess = `${process.pid}@${hostname()}`
    const folder =
      folderOf(traits.file) ??
      (yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "sluice-outputs-"))),
        (temporary) => Effect.sync(() => rmSync(temporary, { recursive: true, force: true }))
      ))
    return Outputs.of({
      folder,
      begin: (job, attempt) => {
        if (lstatSync(pathOf(folder, job, attempt, 0), { throwIfNoEntry: false }) !== undefined)
          removeLog(folder, job, attempt)
        return openLog({
          folder,
          job,
          attempt,
          limitBytes: outputLimitBytes,
          process: ownProcess,
          startedAt: clock.currentTimeMillisUnsafe()
        })
      },
      read: (job, attempt) => openReader(folder, job, attempt),
      record: (job, attempt) => Effect.promise(() => readRecord(folder, job, attempt)),
      inputOf: (job, attempt) => inputPathOf(folder, job, attempt),
      remove: (job, attempts) =>
        Effect.sync(() => {
          for (let attempt = 1; attempt <= attempts; attempt++) {
            removeLog(folder, job, attempt)
            // Of a process that was killed.
            rmSync(inputPathOf(folder, job, attempt), { force: true })
          }
        }),
      stored: Effect.sync(() => storedIn(folder)),
      watch: (changed) => {
        try {
          const watcher = watchFolder(folder, { persistent: false }, changed)
          watcher.on("error", () => {})
          return () => watcher.close()
        } catch {
          return () => {}
        }
      }
    })
  })
)
