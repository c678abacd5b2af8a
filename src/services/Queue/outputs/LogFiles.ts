/**
 * The files of a log, by job and attempt: `0123456789a.1.0` to `.3`. The first two hold its beginning; the last two its
 * end, by turns: the older of them makes room for the next.
 */
import { join } from "node:path"
import type { JobId } from "../Job.ts"
import { formatJobId, parseJobId } from "../policy/JobIds.ts"
import { nameOf } from "../policy/LogName.ts"

export const filesOfLog = 4

/** Files at the beginning that always stay. */
const headFiles = 2

export const pathOf = (folder: string, job: JobId, attempt: number, file: number): string =>
  join(folder, nameOf(job, attempt, file))

/** Beside them, of a command whose standard input stays open: its named pipe. */
export const inputPathOf = (folder: string, job: JobId, attempt: number): string =>
  join(folder, `${formatJobId(job)}.${attempt}.in`)

/** The file a part of the log rests in. */
export const fileOfPart = (part: number): number =>
  part < headFiles ? part : headFiles + ((part - headFiles) % (filesOfLog - headFiles))

/** What a name in the folder says; undefined: it is no log's. */
export const parse = (name: string): { readonly job: JobId; readonly attempt: number } | undefined => {
  const found = /^([0-9a-z]{11})\.([1-9]\d{0,8})\.[0-3]$/.exec(name)
  const job = found === null ? undefined : parseJobId(found[1]!)
  return job === undefined ? undefined : { job, attempt: Number(found![2]) }
}
