/** Watching and spoiling the system calls of a process with strace. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"

/** Whether strace is there and may trace (a container may forbid it). */
export const canTrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0

/** Arguments to put before a command: its threads' calls, with the paths behind descriptors, go to `log`. */
export const tracing = (log: string, calls: ReadonlyArray<string>): ReadonlyArray<string> => [
  "strace",
  "-f",
  "-y",
  "-qq",
  "-s",
  "64",
  "-o",
  log,
  "-e",
  `trace=${calls.join(",")}`,
  "-e",
  "signal=none"
]

/**
 * Makes calls on the path fail. `when`: `5` the fifth call of each thread, `5+` every one from the fifth on, `5+3` the
 * fifth and every third after it.
 */
export const failing = (options: {
  readonly log: string
  readonly path: string
  readonly calls: ReadonlyArray<string>
  readonly error: "EIO" | "ENOSPC"
  readonly when: string
}): ReadonlyArray<string> => [
  ...tracing(options.log, options.calls),
  "-P",
  options.path,
  "-e",
  `inject=${options.calls.join(",")}:error=${options.error}:when=${options.when}`
]

export interface Call {
  readonly name: string
  readonly text: string
  /** Numbers of the lines on which it began and was over. */
  readonly from: number
  readonly to: number
  readonly ok: boolean
}

/** The calls of a log, in the order in which they were over. Calls that others interrupted are put together. */
export const readCalls = (log: string): ReadonlyArray<Call> => {
  const calls: Array<Call> = []
  const begun = new Map<string, { readonly text: string; readonly from: number }>()
  readFileSync(log, "utf8")
    .split("\n")
    .forEach((line, number) => {
      const match = /^(\d+) +(.*)$/.exec(line)
      if (match === null) return
      const [, thread, text] = match as unknown as [string, string, string]
      if (text.endsWith("<unfinished ...>")) {
        begun.set(thread, { text, from: number })
        return
      }
      const resumed = /^<\.\.\. (\w+) resumed>/.exec(text)
      const before = resumed === null ? undefined : begun.get(thread)
      const whole =
        before === undefined ? text : before.text.replace("<unfinished ...>", "") + text.slice(resumed![0].length)
      const name = /^(\w+)\(/.exec(whole)?.[1]
      if (name === undefined) return
      calls.push({ name, text: whole, from: before?.from ?? number, to: number, ok: !/ = -1 /.test(whole) })
    })
  return calls
}
