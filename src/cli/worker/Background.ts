/**
 * Workers that stay in the background: started detached, with their output in a log file, and found again by a note each leaves in the
 * state folder. Notes and logs are for this user alone (0600).
 */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import path from "node:path"
import { type CommandFailure, fail } from "../Failure.ts"
import { ProcessIdentity as ProcessId } from "../../services/Queue/index.ts"

export interface BackgroundWorker {
  readonly pid: number
  /** When the process began, as `ProcessId.startOf` tells it. */
  readonly start: string
  /** The store it serves. */
  readonly store: string
  readonly log: string
}

/** Logs of workers that are gone stay this long, in milliseconds. */
const keepLogsMs = 7 * 24 * 3600 * 1000

const noteOf = (folder: string, pid: number) => path.join(folder, `${pid}.json`)

/** Every note with its worker; undefined when that is gone. */
const notes = (
  folder: string
): ReadonlyArray<{ readonly file: string; readonly worker: BackgroundWorker | undefined }> => {
  let names: ReadonlyArray<string>
  try {
    names = readdirSync(folder)
  } catch {
    return []
  }
  return names
    .filter((name) => name.endsWith(".json"))
    .map((name) => {
      const file = path.join(folder, name)
      try {
        const worker = JSON.parse(readFileSync(file, "utf8")) as BackgroundWorker
        return { file, worker: ProcessId.isAlive(worker.pid, worker.start) ? worker : undefined }
      } catch {
        // Half a note, from a process that was killed while it wrote.
        return { file, worker: undefined }
      }
    })
}

/** Those alive; notes of the others are dropped. */
export const list = (folder: string): ReadonlyArray<BackgroundWorker> =>
  notes(folder).flatMap(({ file, worker }) => {
    if (worker !== undefined) return [worker]
    rmSync(file, { force: true })
    return []
  })

/** Notes whose workers are gone without having been stopped. */
export const stale = (folder: string): ReadonlyArray<string> =>
  notes(folder)
    .filter(({ worker }) => worker === undefined)
    .map(({ file }) => file)

const dropOldLogs = (folder: string, now: number) => {
  const inUse = new Set(list(folder).map(({ log }) => log))
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name)
    if (name.endsWith(".log") && !inUse.has(file) && now - statSync(file).mtimeMs > keepLogsMs)
      rmSync(file, { force: true })
  }
}

/** Starts this program anew with `args`, detached. `now` in milliseconds since 1970 names the log. */
export const start = (
  folder: string,
  options: { readonly args: ReadonlyArray<string>; readonly cwd: string; readonly store: string; readonly now: number }
): Effect.Effect<BackgroundWorker & { readonly exited: () => number | undefined }, CommandFailure> =>
  Effect.try({
    try: () => {
      dropOldLogs(folder, options.now)
      const log = path.join(
        folder,
        `${new Date(options.now).toISOString().replaceAll(/[:.]/g, "-")}-${process.pid}.log`
      )
      const descriptor = openSync(log, "a", 0o600)
      let code: number | undefined
      const child = spawn(process.execPath, [process.argv[1]!, ...options.args], {
        cwd: options.cwd,
        detached: true,
        stdio: ["ignore", descriptor, descriptor]
      })
      closeSync(descriptor)
      child.on("exit", (exitCode) => {
        code = exitCode ?? 1
      })
      child.unref()
      const worker = { pid: child.pid!, start: ProcessId.startOf(child.pid!), store: options.store, log }
      writeFileSync(noteOf(folder, worker.pid), JSON.stringify(worker), { mode: 0o600 })
      return { ...worker, exited: () => code }
    },
    catch: (error) =>
      fail("failure", `the worker could not be started: ${error instanceof Error ? error.message : String(error)}`)
  })

export const forget = (folder: string, pid: number): void => rmSync(noteOf(folder, pid), { force: true })
