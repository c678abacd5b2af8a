/**
 * What of the caller's environment is kept with a command. A job rests in a file and its backups, for as long as its
 * history does: by default what looks like a secret is left out. Sluice's own secrets are left out whatever is asked
 * for.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { SecretVariables } from "../services/Queue/index.ts"
import { type CommandFailure, fail } from "./Failure.ts"

const bases = ["no-secrets", "all", "clean"] as const
type Base = (typeof bases)[number]

/**
 * `clean`: what programs need to be found, to find their user's files, and to speak the user's language. What a shell
 * sets by itself (`PWD`, `SHLVL`) is not among it.
 */
const cleanNames = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "TMPDIR"]

export interface EnvironmentChoice {
  readonly base: Base
  /** Kept besides: names, or beginnings of names with a `*` after them. */
  readonly besides: ReadonlyArray<string>
}

const expected = `expected ${bases.join(", ")}, or names to keep besides, like AWS_PROFILE or NODE_*`

const isName = (text: string): boolean => text !== "" && /^[^=*\s,\0]*\*?$/.test(text)

/** `no-secrets`, `all`, `clean`, names and beginnings of names, with spaces or commas between. */
export const parseChoice = (text: string): Result.Result<EnvironmentChoice, { readonly message: string }> => {
  const words = text.split(/[\s,]+/).filter((word) => word !== "")
  const base = words.filter((word): word is Base => (bases as ReadonlyArray<string>).includes(word))
  const besides = words.filter((word) => !base.includes(word as Base))
  const wrong = besides.find((word) => !isName(word))
  if (words.length === 0) return Result.fail({ message: `it is empty; ${expected}` })
  if (wrong !== undefined) return Result.fail({ message: `${JSON.stringify(wrong)} is no name; ${expected}` })
  if (base.length > 1) return Result.fail({ message: `${base.join(" and ")} exclude each other; ${expected}` })
  return Result.succeed({ base: base[0] ?? "no-secrets", besides })
}

/** `--env` as it is given: `NAME`, `NAME,NAME`, `NAME=VALUE`. */
export interface EnvironmentFlags {
  readonly env: ReadonlyArray<string>
  readonly cleanEnv: boolean
}

type Variables = Readonly<Record<string, string>>

export interface Kept {
  /** Rests with the job. */
  readonly recorded: Variables
  /**
   * Looks like a secret and nobody said to keep it: for a command that this process runs itself, and for nobody else.
   */
  readonly withheld: Variables
}

const isAmong = (patterns: ReadonlyArray<string>) => (name: string) =>
  patterns.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern))

/** What `--env` says, read: names to keep, and variables as they are given. */
const readFlags = (
  texts: ReadonlyArray<string>,
  present: Readonly<Record<string, string | undefined>>
): Effect.Effect<{ readonly names: ReadonlyArray<string>; readonly given: Variables }, CommandFailure> =>
  Effect.gen(function* () {
    const names: Array<string> = []
    const given: Record<string, string> = {}
    for (const text of texts) {
      const at = text.indexOf("=")
      const words = at < 0 ? text.split(",") : [text.slice(0, at)]
      for (const word of words) {
        if (!isName(word) || (at >= 0 && word.endsWith("*")))
          return yield* fail("usage", `--env ${JSON.stringify(text)}; expected NAME, NAME,NAME or NAME=VALUE`)
        const value = at < 0 ? present[word] : text.slice(at + 1)
        if (SecretVariables.isOwnSecret(word, value))
          return yield* fail("usage", `--env ${word} is a secret of Sluice itself, which no job is given; leave it out`)
        if (at >= 0) given[word] = value!
        else if (value === undefined && !word.endsWith("*"))
          return yield* fail("usage", `--env ${word} is not set here; set it, or write --env ${word}=VALUE`)
        else names.push(word)
      }
    }
    return { names, given }
  })

/** Divides an environment. `setting` is the choice in force, which `--clean-env` replaces and `--env` adds to. */
export const choose = (
  env: Readonly<Record<string, string | undefined>>,
  setting: EnvironmentChoice,
  flags: EnvironmentFlags
): Effect.Effect<Kept, CommandFailure> =>
  Effect.gen(function* () {
    const present = SecretVariables.withoutOwnSecrets(env)
    const { given, names } = yield* readFlags(flags.env, env)
    const base = flags.cleanEnv ? "clean" : setting.base
    const isNamed = isAmong([...names, ...(flags.cleanEnv ? [] : setting.besides)])
    const isClean = isAmong(cleanNames)
    const recorded: Record<string, string> = {}
    const withheld: Record<string, string> = {}
    for (const [name, value] of Object.entries(present)) {
      const isSecret = SecretVariables.looksSecret(name, value)
      if (isNamed(name) || base === "all" || (!isSecret && (base === "no-secrets" || isClean(name))))
        recorded[name] = value
      else if (isSecret && base === "no-secrets") withheld[name] = value
    }
    for (const name of Object.keys(given)) delete withheld[name]
    return { recorded: { ...recorded, ...given }, withheld }
  })
