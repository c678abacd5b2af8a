/** The command line as its users meet it: a process, its output, its exit code. */
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { launcher } from "../cli/Launcher.ts"

export interface Ended {
  readonly args: ReadonlyArray<string>
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly tookMs: number
}

export const sluice = (args: ReadonlyArray<string>): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const begun = performance.now()
    execFile(
      process.execPath,
      [launcher, ...args],
      { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1
        resume(Effect.succeed({ args, code, stdout, stderr, tookMs: performance.now() - begun }))
      }
    )
  })
