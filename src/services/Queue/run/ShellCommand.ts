import { Schema } from "effect"
import { OutputBytes } from "./OutputBytes.ts"
import { SystemBytes, SystemString, SystemWord } from "./SystemWord.ts"

/** A schema of the keys would drop a name it does not match, without a word; a check of the whole refuses it. */
const Environment = Schema.Record(Schema.String, SystemString).check(
  Schema.makeFilter(
    (variables) =>
      Object.keys(variables).every((name) => name !== "" && !/[=\0]/.test(name)) ||
      "the name of an environment variable is not empty and holds neither = nor NUL"
  )
)

/** `NAME=VALUE`. The first `=` ends the name. */
const Variable = SystemBytes.check(
  Schema.makeFilter((bytes) => bytes.indexOf(0x3d) > 0 || "expected NAME=VALUE, and a name that is not empty")
)

/**
 * The payload of a shell job: a command and the surroundings it was given in. Nothing of the worker's own surroundings
 * leaks in: what is not recorded here is not there.
 */
export const ShellCommand = Schema.Struct({
  /**
   * Program and arguments, passed on unchanged. There is no shell between, hence no quoting, unless the program is one:
   * `["sh", "-c", "…"]`. A program without a slash is looked up in the `PATH` of `env`, one with a relative path from
   * `cwd`.
   */
  command: Schema.NonEmptyArray(SystemWord),
  /** Absolute working directory. */
  cwd: SystemWord,
  /** The whole environment, with `envBytes`; nothing is inherited. */
  env: Environment,
  /**
   * Variables whose name or value is not UTF-8, each as the bytes `NAME=VALUE`. Stronger than one of the same name in
   * `env`.
   */
  envBytes: Schema.optionalKey(Schema.Array(Variable)),
  /** File mode bits that new files do not get, 0 to 0o777. */
  umask: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0o777 })),
  /** What the command reads on its standard input; without it, end of file at once. */
  stdin: Schema.optionalKey(OutputBytes),
  /** Its standard input stays open instead, for what is sent to it while it runs (`Outputs.inputOf`). */
  stdinOpen: Schema.optionalKey(Schema.Boolean)
})
export type ShellCommand = typeof ShellCommand.Type

/**
 * How a command ended and what it said. Exit codes other than 0 are results, not errors: what they mean is the caller's
 * decision.
 */
export const ShellResult = Schema.Struct({
  /** `null` when a signal ended it. */
  exitCode: Schema.NullOr(Schema.Int),
  /** Such as `SIGTERM`; `null` when it exited by itself. */
  signal: Schema.NullOr(Schema.String),
  /** From spawn to the exit of the command itself, in milliseconds, by the worker's clock. */
  durationMs: Schema.Finite,
  /** Beginning and end within the limit, with a line between that says how many bytes are missing. */
  stdout: OutputBytes,
  stderr: OutputBytes,
  /** Bytes left out of `stdout`. */
  stdoutDropped: Schema.Int,
  /** Bytes left out of `stderr`. */
  stderrDropped: Schema.Int,
  /** The command left processes of its group behind, which were ended. */
  leftovers: Schema.Boolean
})
export type ShellResult = typeof ShellResult.Type
