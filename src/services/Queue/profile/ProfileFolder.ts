/**
 * Where profiles are kept: a folder beside the store, `jobs.db.profiles`, for its owner alone (0700, files 0600). A profile is a report and
 * the two files V8 wrote. Deploy marks are lines of `marks.ndjson`. Requests to workers and their answers pass through it too.
 */
import { Schema } from "effect"
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  appendFileSync
} from "node:fs"
import { join } from "node:path"
import type { RecordedProfile } from "../PerformanceProfiler.ts"
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

/** What a worker is asked for. `forMs`: a profile stops by itself after that, figures are of that long from now; null: since it began. */
export const ProfileRequest = Schema.Struct({
  id: Schema.String,
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

/** Letters, digits and dashes: an id never leaves the folder. */
const idPattern = /^[A-Za-z0-9-]{1,100}$/

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

  private ensure(name = ""): void {
    const folder = name === "" ? this.folder : this.within(name)
    if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 })
  }

  /** Whole or not at all, also for a reader at the same time. */
  private write(file: string, text: string): void {
    const half = `${file}.${process.pid}.half`
    writeFileSync(half, text, { mode: 0o600 })
    renameSync(half, file)
  }

  private readText(file: string): string | undefined {
    try {
      return readFileSync(file, "utf8")
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
      throw error
    }
  }

  // Profiles -----------------------------------------------------------------------------------------------------------

  /** Ids, newest first. */
  ids(): ReadonlyArray<string> {
    if (!existsSync(this.folder)) return []
    return readdirSync(this.folder)
      .filter((name) => name.endsWith(endings.report))
      .map((name) => name.slice(0, -endings.report.length))
      .sort()
      .reverse()
  }

  /** Writes the profile and drops the oldest beyond 50. The report comes last: what is listed is whole. */
  save(profile: RecordedProfile): void {
    this.ensure()
    const { id } = profile.report
    this.write(this.within(id + endings.cpuprofile), profile.cpuProfile)
    this.write(this.within(id + endings.heapprofile), profile.heapProfile)
    this.write(this.within(id + endings.report), JSON.stringify(profile.report))
    for (const old of this.ids().slice(profilesKept)) this.remove(old)
  }

  remove(id: string): void {
    if (!idPattern.test(id)) return
    for (const ending of Object.values(endings)) rmSync(this.within(id + ending), { force: true })
  }

  /** Undefined when there is none. */
  text(id: string, file: ProfileFile): string | undefined {
    return idPattern.test(id) ? this.readText(this.within(id + endings[file])) : undefined
  }

  /** Undefined when there is none; throws when it is not one. */
  report(id: string): ProfilingReport | undefined {
    const text = this.text(id, "report")
    return text === undefined ? undefined : Schema.decodeUnknownSync(ProfilingReport)(JSON.parse(text))
  }

  // Marks --------------------------------------------------------------------------------------------------------------

  mark(mark: DeployMark): void {
    this.ensure()
    appendFileSync(this.within("marks.ndjson"), `${JSON.stringify(mark)}\n`, { mode: 0o600 })
  }

  /** Oldest first; a line that was cut short by a crash is left out. */
  marks(): ReadonlyArray<DeployMark> {
    const is = Schema.is(DeployMark)
    return (this.readText(this.within("marks.ndjson")) ?? "").split("\n").flatMap((line) => {
      try {
        const mark: unknown = JSON.parse(line)
        return is(mark) ? [mark] : []
      } catch {
        return []
      }
    })
  }

  // Baselines ----------------------------------------------------------------------------------------------------------

  baselines(): ReadonlyArray<string> {
    const folder = this.within("baselines")
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .map((name) => name.slice(0, -".json".length))
      .sort()
  }

  saveBaseline(name: string, text: string): void {
    this.ensure("baselines")
    this.write(this.within("baselines", `${name}.json`), text)
  }

  baseline(name: string): string | undefined {
    return idPattern.test(name) ? this.readText(this.within("baselines", `${name}.json`)) : undefined
  }

  removeBaseline(name: string): void {
    if (idPattern.test(name)) rmSync(this.within("baselines", `${name}.json`), { force: true })
  }

  // Requests -----------------------------------------------------------------------------------------------------------

  /** Leaves a request for a worker, in place of one it has not taken yet. */
  request(pid: number, request: ProfileRequest): void {
    this.ensure("requests")
    this.write(this.within("requests", `${pid}.json`), JSON.stringify(request))
  }

  /** Takes what this process is asked for; undefined when there is nothing. One look at the file system. */
  takeRequest(pid: number): ProfileRequest | undefined {
    const file = this.within("requests", `${pid}.json`)
    const text = this.readText(file)
    if (text === undefined) return undefined
    rmSync(file, { force: true })
    return Schema.decodeUnknownSync(ProfileRequest)(JSON.parse(text))
  }

  withdraw(pid: number): void {
    rmSync(this.within("requests", `${pid}.json`), { force: true })
  }

  /** Answers that nobody came for are dropped after an hour. */
  answer(request: string, answer: ProfileAnswer): void {
    this.ensure("answers")
    for (const name of readdirSync(this.within("answers"))) {
      const file = this.within("answers", name)
      const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0)
      if (age > answersKeptMs) rmSync(file, { force: true })
    }
    this.write(this.within("answers", `${request}.json`), JSON.stringify(answer))
  }

  /** Takes the answer to a request; undefined as long as there is none. */
  takeAnswer(request: string): ProfileAnswer | undefined {
    const file = this.within("answers", `${request}.json`)
    const text = this.readText(file)
    if (text === undefined) return undefined
    rmSync(file, { force: true })
    return Schema.decodeUnknownSync(ProfileAnswer)(JSON.parse(text))
  }
}
