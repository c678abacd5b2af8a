/**
 * One call of the command line and what surrounds it. Commands read these instead of `process`, so that tests can call
 * them in-process.
 */
import * as Context from "effect/Context"
import { isMark } from "./map/Sources.ts"
import type { Keyboard } from "./terminal/Keyboard.ts"
import type { Screen } from "./terminal/Screen.ts"

export interface Arguments {
  /** For the parser. */
  readonly words: ReadonlyArray<string>
  /** Of `map` the words from the first `:::` or the like on, verbatim; undefined without one. */
  readonly inputs: ReadonlyArray<string> | undefined
}

export class Invocation extends Context.Service<
  Invocation,
  {
    readonly arguments: Arguments
    readonly env: Readonly<Record<string, string | undefined>>
    /** Absolute; where relative paths and the working directory of jobs start. */
    readonly cwd: string
    readonly stdin: Keyboard
    readonly stdout: Screen
    readonly stderr: Screen
  }
>()("sluice/cli/Invocation") {}

/**
 * The caller's folder. npm runs a package's scripts in the package's own folder and leaves the caller's in `INIT_CWD`;
 * that is followed for `npm start` of this package only, since a script of another package means the folder it runs in.
 */
export const callersFolder = (env: Readonly<Record<string, string | undefined>>, cwd: string): string =>
  env.npm_lifecycle_event === "start" && env.npm_package_name === "sluice" ? (env.INIT_CWD ?? cwd) : cwd

/** The command that is called: the first word before `--` that is neither a flag nor the value of a global one. */
export const calledCommand = (words: ReadonlyArray<string>): string | undefined => {
  const end = words.indexOf("--")
  return (end < 0 ? words : words.slice(0, end)).find(
    (word, i) => !word.startsWith("-") && words[i - 1] !== "--store" && words[i - 1] !== "--config"
  )
}

/**
 * Splits off what must not be parsed: for `map` everything from the first source on (`:::`, `::::`, with or without
 * `+`) is input, also when it ends a command that began with `--`.
 */
export const splitArguments = (argv: ReadonlyArray<string>): Arguments => {
  const inputsAt = calledCommand(argv) === "map" ? argv.findIndex(isMark) : -1
  return inputsAt < 0
    ? { words: argv, inputs: undefined }
    : { words: argv.slice(0, inputsAt), inputs: argv.slice(inputsAt) }
}
