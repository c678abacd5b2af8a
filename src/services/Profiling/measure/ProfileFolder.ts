/**
 * Where profiles are kept: a folder beside the store, `jobs.db.profiles`, for its owner alone (0700, files 0600). A
 * profile is a report and the two files V8 wrote. Deploy marks are lines of `marks.ndjson`. Requests to workers and
 * their answers pass through it too. Everything throws `NotOwn` where the folder, or a file in it, is not the caller's
 * own.
 */
import { Schema } from "effect"
import { lstatSync } from "node:fs"
import { join } from "node:path"
import * as OwnFile from "../../../files/OwnFile.ts"
import * as OwnFolder from "../../../files/OwnFolder.ts"
import type { RecordedProfile } from "../../Queue/PerformanceProfiler.ts"
import { ProfilerReading } from "../ProfilerReading.ts"
import { ProfilingReport } from "../ProfilingReport.ts"

/** Profiles kept; the oldest go first. One is 0.1 to 10 MB. */
const profilesKept = 50

/** The longest request takes ten minutes. */
const answersKeptMs = 3_600_000

export const DeployMark = Schema.Struct({
  /** Milliseconds since 1970. */
  at: Schema.Finite,
  text: Schema.String
})
export type DeployMark = typeof DeployMark.Type

/** Letters, digits and dashes: an id never leaves the folder. */
const idPattern = /^[A-Za-z0-9-]{1,100}$/

/**
 * What a worker is asked for. `forMs`: a profile stops by itself after that, figures are of that long from now; null:
 * since it began.
 */
export const ProfileRequest = Schema.Struct({
  id: Schema.String.check(Schema.isPattern(idPattern)),
  action: Schema.Literals(["start", "stop", "job", "figures"]),
  forMs: Schema.NullOr(Schema.Finite),
  job: Schema.NullOr(Schema.String)
})
export type ProfileRequest = typeof ProfileRequest.Type

export const ProfileAnswer = Schema.Struct({
  /** Of the saved profile, if there is one by now. */
  profile: Schema.NullOr(Schema.String),
  /** Why it could not be done. */
  problem: Schema.NullOr(Schema.String),
  /** What `figures` asked for. */
  figures: Schema.NullOr(ProfilerReading)
})
export type ProfileAnswer = typeof ProfileAnswer.Type

export type ProfileFile = "report" | "cpuprofile" | "heapprofile"

const endings: Readonly<Record<ProfileFile, string>> = {
  report: ".report.json",
  cpuprofile: ".cpuprofile",
  heapprofile: ".heapprofile"
}

/** The folder of a store's profiles. */
export const folderOf = (storeFile: string): string => `${storeFile}.profiles`

export class ProfileFolder {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  private within(...names: ReadonlyArray<string>): string {
    return join(this.folder, ...names)
  }

  private ensure(...inner: ReadonlyArray<string>): void {
    OwnFolder.ensure(this.folder)
    if (inner.length > 0) OwnFolder.ensure(this.within(...inner))
  }

  /** Whether the folder is there. */
  private has(...inner: ReadonlyArray<string>): boolean {
    return OwnFolder.look(this.folder) && (inner.length === 0 || OwnFolder.look(this.within(...inner)))
  }

  private list(...inner: ReadonlyArray<string>): ReadonlyArray<string> {
    return this.has(...inner) ? OwnFolder.list(this.within(...inner)) : []
  }

  /** Ids of the files with this ending; what else lies there has not been put there by us. */
  private idsIn(ending: string, ...inner: ReadonlyArray<string>): ReadonlyArray<string> {
    return this.list(...inner)
      .filter((name) => name.endsWith(ending))
      .map((name) => name.slice(0, -ending.length))
      .filter((id) => idPattern.test(id))
      .sort()
  }

  /** Files that one process leaves for another. */
  private requestOf(pid: number): string {
    if (!Number.isSafeInteger(pid) || pid < 1) throw new Error(`${JSON.stringify(pid)} is no process id`)
    return this.within("requests", `${pid}.json`)
  }

  private answerTo(request: string): string {
    if (!idPattern.test(request)) throw new Error(`${JSON.stringify(request)} is no id of a request`)
    return this.within("answers", `${request}.json`)
  }

  /** Reads a file and removes it; undefined when there is none. One look at the file system then. */
  private take(file: string, inner: string): unknown {
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined || !this.has(inner)) return undefined
    const text = OwnFile.readText(file)
    if (text === undefined) return undefined
    OwnFile.remove(file)
    return JSON.parse(text)
  }

  // Profiles ----------------------------------------------------------------------------------------------------------

  /** Ids, newest first. */
  ids(): ReadonlyArray<string> {
    return this.idsIn(endings.report).toReversed()
  }

  /** Writes the profile and drops the oldest beyond 50. The report comes last: what is listed is whole. */
  save(profile: RecordedProfile): void {
    this.ensure()
    const { id } = profile.report
    OwnFile.replace(this.within(id + endings.cpuprofile), profile.cpuProfile)
    OwnFile.replace(this.within(id + endings.heapprofile), profile.heapProfile)
    OwnFile.replace(this.within(id + endings.report), JSON.stringify(profile.report))
    for (const old of this.ids().slice(profilesKept)) this.remove(old)
  }

  remove(id: string): void {
    if (!idPattern.test(id)) return
    if (this.has()) for (const ending of Object.values(endings)) OwnFile.remove(this.within(id + ending))
  }

  /** Undefined when there is none. */
  text(id: string, file: ProfileFile): string | undefined {
    return idPattern.test(id) && this.has() ? OwnFile.readText(this.within(id + endings[file])) : undefined
  }

  /** Undefined when there is none; throws when it is not one. */
  report(id: string): ProfilingReport | undefined {
    const text = this.text(id, "report")
    return text === undefined ? undefined : Schema.decodeUnknownSync(ProfilingReport)(JSON.parse(text))
  }

  // Marks -------------------------------------------------------------------------------------------------------------

  mark(mark: DeployMark): void {
    this.ensure()
    OwnFile.append(this.within("marks.ndjson"), `${JSON.stringify(mark)}\n`)
  }

  /** Oldest first; a line that was cut short by a crash is left out. */
  marks(): ReadonlyArray<DeployMark> {
    const is = Schema.is(DeployMark)
    const text = this.has() ? OwnFile.readText(this.within("marks.ndjson")) : undefined
    return (text ?? "").split("\n").flatMap((line) => {
      try {
        const mark: unknown = JSON.parse(line)
        return is(mark) ? [mark] : []
      } catch {
        return []
      }
    })
  }

  // Baselines ---------------------------------------------------------------------------------------------------------

  baselines(): ReadonlyArray<string> {
    return this.idsIn(".json", "baselines")
  }

  saveBaseline(name: string, text: string): void {
    if (!idPattern.test(name)) throw new Error(`${JSON.stringify(name)} is no name of a baseline`)
    this.ensure("baselines")
    OwnFile.replace(this.within("baselines", `${name}.json`), text)
  }

  baseline(name: string): string | undefined {
    if (!idPattern.test(name) || !this.has("baselines")) return undefined
    return OwnFile.readText(this.within("baselines", `${name}.json`))
  }

  removeBaseline(name: string): void {
    if (idPattern.test(name) && this.has("baselines")) OwnFile.remove(this.within("baselines", `${name}.json`))
  }

  // Requests ----------------------------------------------------------------------------------------------------------

  /** Leaves a request for a worker, in place of one it has not taken yet. */
  request(pid: number, request: ProfileRequest): void {
    const file = this.requestOf(pid)
    this.ensure("requests")
    OwnFile.replace(file, JSON.stringify(request))
  }

  /** Takes what this process is asked for; undefined when there is nothing. */
  takeRequest(pid: number): ProfileRequest | undefined {
    const taken = this.take(this.requestOf(pid), "requests")
    return taken === undefined ? undefined : Schema.decodeUnknownSync(ProfileRequest)(taken)
  }

  withdraw(pid: number): void {
    if (this.has("requests")) OwnFile.remove(this.requestOf(pid))
  }

  /** Answers that nobody came for are dropped after an hour. */
  answer(request: string, answer: ProfileAnswer): void {
    const file = this.answerTo(request)
    this.ensure("answers")
    for (const id of this.idsIn(".json", "answers")) {
      const other = this.answerTo(id)
      const age = Date.now() - (lstatSync(other, { throwIfNoEntry: false })?.mtimeMs ?? 0)
      if (age > answersKeptMs) OwnFile.remove(other)
    }
    OwnFile.replace(file, JSON.stringify(answer))
  }

  /** Takes the answer to a request; undefined as long as there is none. */
  takeAnswer(request: string): ProfileAnswer | undefined {
    const taken = this.take(this.answerTo(request), "answers")
    return taken === undefined ? undefined : Schema.decodeUnknownSync(ProfileAnswer)(taken)
  }
}
