/**
 * One run of a map at a time: a file with the process id of whoever runs it. A file left by a killed process counts for
 * nothing.
 */
import path from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as OwnFile from "../../files/OwnFile.ts"
import { ProcessIdentity } from "../../services/Queue/index.ts"
import { type CommandFailure, fail } from "../Failure.ts"

/** What the holder of the file is to be told; undefined when it is gone. */
const busy = (file: string): string | undefined => {
  let mark: string
  try {
    mark = OwnFile.readText(file) ?? ""
  } catch {
    return undefined
  }
  const [pid] = mark.split(" ")
  switch (ProcessIdentity.stateOfMark(mark)) {
    case "gone":
      return undefined
    case "running":
      return `this map is being run by process ${pid}; wait for it, or end it with: kill -INT ${pid}`
    case "stopped":
      return `process ${pid}, which runs this map, is stopped; continue it with: kill -CONT ${pid} (or fg)`
    case undefined:
      return `this map is being run in another container by its process ${pid}; if that is certainly gone, remove ${file}`
  }
}

/** Until the scope closes. Fails with `conflict` when the map is being run. */
export const acquire = (folder: string, identity: string): Effect.Effect<void, CommandFailure, Scope.Scope> => {
  const file = path.join(folder, `${identity}.lock`)
  const take = Effect.suspend(() => {
    try {
      OwnFile.writeNew(file, ProcessIdentity.markOf(process.pid))
      return Effect.succeed(true)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      return code === "EEXIST"
        ? Effect.succeed(false)
        : Effect.fail(fail("notAllowed", `${file} cannot be written: ${message}`))
    }
  })
  const takeFromDead = Effect.gen(function* () {
    if (yield* take) return
    const held = busy(file)
    if (held !== undefined) return yield* fail("conflict", held)
    OwnFile.remove(file)
    if (!(yield* take)) return yield* fail("conflict", "this map was started twice at the same moment; run it once")
  })
  return Effect.acquireRelease(takeFromDead, () => Effect.sync(() => OwnFile.remove(file)))
}
