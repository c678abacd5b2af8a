/**
 * Where a program is, as execvp(3) looks for it. Knows nothing of Effect: the process that starts commands loads it.
 */
import { accessSync, constants, statSync } from "node:fs"

/** Where execvp(3) looks when the environment has no PATH. */
const defaultPath = Buffer.from("/bin:/usr/bin")
const slash = 0x2f

const splitPath = (path: Buffer): ReadonlyArray<Buffer> => {
  const folders: Array<Buffer> = []
  let from = 0
  for (let at = path.indexOf(":"); at >= 0; at = path.indexOf(":", from)) {
    folders.push(path.subarray(from, at))
    from = at + 1
  }
  return [...folders, path.subarray(from)]
}

const within = (folder: Buffer, name: Buffer): Buffer =>
  name[0] === slash ? name : Buffer.concat([folder, Buffer.from("/"), name])

const obstacleOf = (path: Buffer): string | undefined => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile() ? undefined : "EACCES"
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "EUNKNOWN"
  }
}

export type Found =
  | { readonly _tag: "Found"; readonly path: Buffer }
  /** A file of the name is there and may not be executed. */
  | { readonly _tag: "Refused" }
  | { readonly _tag: "Missing" }

/**
 * Paths of the answer begin with `cwd` where the name or a folder of `PATH` is relative. Costs one or two system calls
 * per folder.
 */
export const search = (program: Buffer, path: Buffer | undefined, cwd: Buffer): Found => {
  if (program.length === 0) return { _tag: "Missing" }
  const folders = program.includes(slash) ? [cwd] : splitPath(path ?? defaultPath).map((folder) => within(cwd, folder))
  let refused = false
  for (const folder of folders) {
    const candidate = within(folder, program)
    const obstacle = obstacleOf(candidate)
    if (obstacle === undefined) return { _tag: "Found", path: candidate }
    refused ||= obstacle === "EACCES"
  }
  return { _tag: refused ? "Refused" : "Missing" }
}

const rememberedMillis = 1000
const rememberedMost = 256

/** Remembers for a second where programs are, so that a thousand starts of one walk along `PATH` once. */
export class RememberedSearch {
  private readonly found = new Map<string, { readonly file: string; readonly until: number }>()

  /**
   * What to execute for `program`: an absolute path, or the name as it is when `PATH` does not lead to one. `now` in
   * milliseconds.
   */
  lookUp(program: string, path: string | undefined, now: number): string {
    if (program.includes("/")) return program
    const key = `${program}\0${path ?? ""}`
    const known = this.found.get(key)
    if (known !== undefined && now < known.until) return known.file
    // A relative folder means another one for each working directory: such a path is the system's to walk.
    const isAbsolute = path?.split(":").every((folder) => folder.startsWith("/")) ?? true
    const answer = isAbsolute
      ? search(Buffer.from(program), path === undefined ? undefined : Buffer.from(path), Buffer.from("/"))
      : undefined
    if (answer?._tag !== "Found") return program
    if (this.found.size >= rememberedMost) this.found.clear()
    const file = answer.path.toString()
    this.found.set(key, { file, until: now + rememberedMillis })
    return file
  }

  /** It was not there any more. */
  forget(): void {
    this.found.clear()
  }
}
