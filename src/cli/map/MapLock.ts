/** One run of a map at a time: a file with the process id of whoever runs it. A file left by a killed process counts for nothing. */
import path from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as OwnFile from "../../files/OwnFile.ts"
import { type CommandFailure, fail } from "../Failure.ts"
import * as ProcessId from "../ProcessId.ts"

const holder = (file: string): number | undefined => {
  try {
    const [pid, start] = (OwnFile.readText(file) ?? "").split(" ")
    return ProcessId.isSame(Number(pid), start) ? Number(pid) : undefined
  } catch {
    return undefined
  }
}

/** Until the scope closes. Fails with `conflict` when the map is being run. */
export const acquire = (folder: string, identity: string): Effect.Effect<void, CommandFailure, Scope.Scope> => {
  const file = path.join(folder, `${identity}.lock`)
  const take = Effect.suspend(() => {
    try {
      OwnFile.writeNew(file, `${process.pid} ${ProcessId.startOf(process.pid)}`)
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
    const pid = holder(file)
    if (pid !== undefined) {
      return yield* fail(
        "conflict",
        `this map is being run by process ${pid}; wait for it, or end it with: kill -INT ${pid}`
      )
    }
    OwnFile.remove(file)
    if (!(yield* take)) return yield* fail("conflict", "this map was started twice at the same moment; run it once")
  })
  return Effect.acquireRelease(takeFromDead, () => Effect.sync(() => OwnFile.remove(file)))
}
