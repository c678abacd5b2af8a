import { execFile } from "node:child_process"
import { closeSync, constants, existsSync, openSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import { promisify } from "node:util"
import { Effect } from "effect"
import * as OwnFolder from "../../../files/OwnFolder.ts"

/** How often it is looked whether the pipe was removed, in milliseconds. */
const lookEvery = 200

/**
 * A standard input that stays open: a named pipe, to which whoever has its name may write. The command comes to its end
 * once the pipe was removed and the last writer is gone.
 */
export interface InputPipe {
  readonly path: string
  /** The command has opened it. */
  readonly begun: () => void
  readonly close: () => void
}

const { O_NONBLOCK, O_RDWR, O_WRONLY } = constants

/** In place of what was left there. Fails with the system's error, `ENOENT` where there is no `mkfifo`. */
export const make = (path: string): Effect.Effect<InputPipe, NodeJS.ErrnoException> =>
  // @effect-diagnostics-next-line globalErrorInEffectCatch:off - the system's errors are told apart by their code
  Effect.tryPromise({
    try: async () => {
      OwnFolder.ensure(dirname(path))
      rmSync(path, { force: true })
      await promisify(execFile)("mkfifo", ["-m", "600", path], {
        env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" }
      })
      // As a reader too, so that the command's opening does not wait for a writer, nor this for the command.
      let held: number | undefined = openSync(path, O_RDWR | O_NONBLOCK)
      let timer: NodeJS.Timeout | undefined
      const letGo = () => {
        if (held !== undefined) closeSync(held)
        held = undefined
        clearInterval(timer)
      }
      const lookForEnd = () => {
        if (!existsSync(path)) letGo()
      }
      return {
        path,
        // As a writer alone from now on: who writes is told when the command reads no more.
        begun: () => {
          let writing: number | undefined
          try {
            writing = openSync(path, O_WRONLY | O_NONBLOCK)
          } catch {
            // It has closed its input already.
          }
          letGo()
          held = writing
          if (held !== undefined) timer = setInterval(lookForEnd, lookEvery).unref()
        },
        close: () => {
          letGo()
          rmSync(path, { force: true })
        }
      }
    },
    catch: (error) => error as NodeJS.ErrnoException
  })
