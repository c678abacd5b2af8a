/** The command line as a process of its own, started through its launcher as users do. */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import path from "node:path"
import { cacheHome, launcher } from "../support/cli/Launcher.ts"

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly pid: number
  readonly child: ChildProcess
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  readonly ended: Effect.Effect<Ended>
  /** Completes when stderr or stdout has shown the text. */
  readonly shows: (text: RegExp) => Effect.Effect<void>
}

/**
 * `folder` holds state and config and is the working directory. The process is killed with the scope if it still runs.
 */
export const start = (
  folder: string,
  args: ReadonlyArray<string>,
  options: {
    readonly input?: string | Buffer
    /** Standard input stays open behind `input`. */
    readonly inputStaysOpen?: boolean
    readonly env?: Readonly<Record<string, string>>
    /** As a shell takes it; default: this process's. */
    readonly umask?: string
    /** A file that standard output goes to, as a shell takes it; default: the answer's `stdout`. */
    readonly stdout?: string
    /** As another user, with a group of the same number; only root can. */
    readonly uid?: number
  } = {}
) =>
  Effect.acquireRelease(
    Effect.sync((): Started => {
      const words = [process.execPath, launcher, ...args]
      const umask = options.umask === undefined ? "" : `umask ${options.umask}; `
      const redirection = options.stdout === undefined ? "" : ` > ${options.stdout}`
      const under = umask + redirection === "" ? [] : ["sh", "-c", `${umask}exec "$@"${redirection}`, "sh"]
      const [program, ...rest] = [...under, ...words]
      const child = spawn(program!, rest, {
        cwd: folder,
        ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
        env: {
          PATH: process.env.PATH,
          HOME: folder,
          XDG_STATE_HOME: path.join(folder, "state"),
          XDG_CONFIG_HOME: path.join(folder, "config"),
          XDG_CACHE_HOME: cacheHome,
          NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
          ...options.env
        },
        stdio: ["pipe", "pipe", "pipe"]
      })
      let stdout = ""
      let stderr = ""
      let onText: () => void = () => {}
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text
        onText()
      })
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text
        onText()
      })
      child.stdin.on("error", () => {})
      child.stdin.write(options.input ?? "")
      if (options.inputStaysOpen !== true) child.stdin.end()
      const ended = new Promise<Ended>((resolve) =>
        child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }))
      )
      return {
        pid: child.pid!,
        child,
        kill: (signal) => Effect.sync(() => void child.kill(signal)),
        ended: Effect.promise(() => ended),
        shows: (text) =>
          Effect.callback<void>((resume) => {
            onText = () => {
              if (text.test(stdout) || text.test(stderr)) resume(Effect.void)
            }
            onText()
          })
      }
    }),
    ({ child, ended }) =>
      Effect.suspend(() => {
        if (child.exitCode !== null || child.signalCode !== null) return Effect.void
        child.kill("SIGKILL")
        return Effect.asVoid(ended)
      })
  )

/** From start to end. */
export const run = (
  folder: string,
  args: ReadonlyArray<string>,
  options?: Parameters<typeof start>[2]
): Effect.Effect<Ended> => Effect.scoped(Effect.flatMap(start(folder, args, options), ({ ended }) => ended))

/** Looks until it is so; for things other processes do. Fails by the test's time limit. */
export const until = (isSo: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (isSo() ? Effect.void : Effect.andThen(Effect.sleep("10 millis"), until(isSo))))
