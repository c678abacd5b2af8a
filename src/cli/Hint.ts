/** Commands that messages propose, spelled so that the reader can paste them. */
import * as Effect from "effect/Effect"
import path from "node:path"
import { commandNames } from "./CommandList.ts"
import { Invocation } from "./Invocation.ts"
import { shellWord } from "../services/Text/index.ts"

interface Where {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

/**
 * How the caller starts Sluice: as npm's `start` of this package, from a folder below it or, with `--prefix`, from
 * elsewhere; else by name.
 */
export const start = ({ cwd, env }: Where): string => {
  if (env.npm_lifecycle_event !== "start" || env.npm_package_name !== "sluice") return "sluice"
  const root = path.dirname(env.npm_package_json ?? cwd)
  const inside = cwd === root || cwd.startsWith(root + path.sep)
  return `npm${inside ? "" : ` --prefix ${shellWord(root)}`} start --`
}

const command = new RegExp(`(?<![\\w./-])sluice (?=(?:${commandNames.join("|")})\\b)`, "g")

/** Our own text with its commands as this caller writes them. */
export const spell = (text: string, where: Where): string => {
  const name = start(where)
  return name === "sluice" ? text : text.replace(command, () => `${name} `)
}

/** The same, for the caller of this invocation. */
export const hint = (text: string): Effect.Effect<string, never, Invocation> =>
  Effect.map(Invocation, (where) => spell(text, where))
