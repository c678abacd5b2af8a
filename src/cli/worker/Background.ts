/**
 * Workers that stay in the background: started detached, with their output in a log file, and found again by a note
 * each leaves in the state folder. Notes and logs are for this user alone (0600). A note counts only when it is this
 * user's own and speaks of a worker of this user's, since by it a process is ended; a folder of somebody else's, or one
 * in such a folder, throws `NotOwn`.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import { closeSync, lstatSync } from "node:fs"
import path from "node:path"
import * as OwnFile from "../../files/OwnFile.ts"
import * as OwnFolder from "../../files/OwnFolder.ts"
import { ProcessIdentity } from "../../services/Queue/index.ts"
import { type CommandFailure, fail } from "../Failure.ts"
import { isWorker } from "./WorkerProcess.ts"

export interface BackgroundWorker {
  readonly pid: number
  /** When the process began, as `ProcessIdentity.startOf` tells it. */
  readonly start: string
  /** Where its number means something; absent in older notes. */
  readonly machine?: string
  /** The store it serves. */
  readonly store: string
  readonly log: string
}

/** Logs of workers that are gone stay this long, in milliseconds. */
const keepLogsMs = 7 * 24 * 3600 * 1000

const noteOf = (folder: string, pid: number) => path.join(folder, `${pid}.json`)
const notePattern = /^\d{1,10}\.json$/

const decode = Schema.decodeUnknownSync(
  Schema.fromJsonString(
    Schema.Struct({
      pid: Schema.Int.check(Schema.isGreaterThan(1)),
      start: Schema.String,
      machine: Schema.optionalKey(Schema.String),
      store: Schema.String,
      log: Schema.String
    })
  )
)

/**
 * Every note with its worker; undefined when that is gone. Those of other containers, who may share the folder, are
 * theirs.
 */
const notes = (
  folder: string
): ReadonlyArray<{ readonly file: string; readonly worker: BackgroundWorker | undefined }> => {
  if (!OwnFolder.look(path.dirname(folder))) return []
  return OwnFolder.list(folder)
    .filter((name) => notePattern.test(name))
    .flatMap((name) => {
      const file = path.join(folder, name)
      const worker = workerOf(file)
      return worker === "elsewhere" ? [] : [{ file, worker }]
    })
}

/** The worker of a note, if it is alive. */
const workerOf = (file: string): BackgroundWorker | "elsewhere" | undefined => {
  try {
    const worker = decode(OwnFile.readText(file) ?? "")
    const { machine = ProcessIdentity.machine, pid, start } = worker
    const state = ProcessIdentity.stateOfMark(`${pid} ${start} ${machine}`)
    if (state === undefined) return "elsewhere"
    return state !== "gone" && isWorker(pid) ? worker : undefined
  } catch {
    // Half a note, from a process that was killed while it wrote, or none of ours.
    return undefined
  }
}

const drop = (file: string): void => {
  try {
    OwnFile.remove(file)
  } catch {
    // A folder of that name is no note.
  }
}

/** Those alive; notes of the others are dropped. */
export const list = (folder: string): ReadonlyArray<BackgroundWorker> =>
  notes(folder).flatMap(({ file, worker }) => {
    if (worker !== undefined) return [worker]
    drop(file)
    return []
  })

/** Notes whose workers are gone without having been stopped. */
export const stale = (folder: string): ReadonlyArray<string> =>
  notes(folder)
    .filter(({ worker }) => worker === undefined)
    .map(({ file }) => file)

const dropOldLogs = (folder: string, now: number) => {
  const inUse = new Set(list(folder).map(({ log }) => log))
  for (const name of OwnFolder.list(folder)) {
    const file = path.join(folder, name)
    if (name.endsWith(".log") && !inUse.has(file) && now - lstatSync(file).mtimeMs > keepLogsMs) drop(file)
  }
}

/** Starts this program anew with `args`, detached. `now` in milliseconds since 1970 names the log. */
export const start = (
  folder: string,
  options: {
    readonly args: ReadonlyArray<string>
    readonly cwd: string
    readonly env: NodeJS.ProcessEnv
    readonly store: string
    readonly now: number
  }
): Effect.Effect<BackgroundWorker & { readonly exited: () => number | undefined }, CommandFailure> =>
  Effect.try({
    try: () => {
      dropOldLogs(folder, options.now)
      const log = path.join(
        folder,
        `${new Date(options.now).toISOString().replaceAll(/[:.]/g, "-")}-${process.pid}.log`
      )
      const descriptor = OwnFile.create(log)
      let code: number | undefined
      const child = spawn(process.execPath, [process.argv[1]!, ...options.args], {
        cwd: options.cwd,
        env: options.env,
        detached: true,
        stdio: ["ignore", descriptor, descriptor]
      })
      closeSync(descriptor)
      child.on("exit", (exitCode) => {
        code = exitCode ?? 1
      })
      child.unref()
      const worker = {
        pid: child.pid!,
        start: ProcessIdentity.startOf(child.pid!),
        machine: ProcessIdentity.machine,
        store: options.store,
        log
      }
      OwnFile.replace(noteOf(folder, worker.pid), JSON.stringify(worker))
      return { ...worker, exited: () => code }
    },
    catch: (error) =>
      fail("failure", `the worker could not be started: ${error instanceof Error ? error.message : String(error)}`)
  })

export const forget = (folder: string, pid: number): void => OwnFile.remove(noteOf(folder, pid))
