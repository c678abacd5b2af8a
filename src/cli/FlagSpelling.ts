/**
 * Spellings of flags that people expect and the parser reads differently, put into the form it reads alike. `-j4` becomes `-j 4`, as it
 * is to `make` and `parallel`. A flag whose value may be left out gets it. A switch before a word like `true` or `1` becomes `--switch=true`, so that the word stays an argument.
 */
import type { CommandDescriptor, FlagDescriptor } from "effect/cli/Completions"

/** What the parser would take as the value of a switch (`effect/cli/Primitive`). */
const literals: ReadonlySet<string> = new Set(["true", "1", "y", "yes", "on", "false", "0", "n", "no", "off"])

/** Flags that mean this when no value follows. */
const leftOut: ReadonlyMap<string, string> = new Map([["--notify", "desktop"]])

/** Global switches, which a descriptor of commands does not tell. */
const globalSwitches = ["--shared", "--quiet", "-q", "--no-color", "--verbose", "--help", "-h"]

/** The flags of the command the words call: of the last command word before the first that is none. */
const flagsOf = (root: CommandDescriptor, words: ReadonlyArray<string>): ReadonlyArray<FlagDescriptor> => {
  let command = root
  for (const word of words) {
    const next = command.subcommands.find(({ name }) => name === word)
    if (next !== undefined) command = next
    else if (!word.startsWith("-") && command !== root) break
  }
  return command.flags
}

/** `words` as far as the first `--`, spelled for the parser; what follows is left alone. */
export const respell = (words: ReadonlyArray<string>, root: CommandDescriptor): ReadonlyArray<string> => {
  const end = words.indexOf("--")
  const flags = end < 0 ? words : words.slice(0, end)
  const known = flagsOf(root, flags)
  const spellings = (isSwitch: boolean) =>
    known
      .filter(({ type }) => (type._tag === "Boolean") === isSwitch)
      .flatMap(({ aliases, name }) => [`--${name}`, ...aliases.map((alias) => `-${alias.replace(/^-+/, "")}`)])
  const switches = new Set([...globalSwitches, ...spellings(true)])
  const valuedLetters = new Set(spellings(false).filter((flag) => flag.length === 2))
  const isSwitch = (word: string) =>
    switches.has(word) ||
    (/^-[a-zA-Z0]{2,}$/.test(word) && [...word.slice(1)].every((letter) => switches.has(`-${letter}`)))
  return [
    ...flags.flatMap((word, i) => {
      // The parser reads it as a number.
      if (word === "-0" && switches.has("-0")) return ["--null"]
      const value = known.some(({ name }) => `--${name}` === word) ? leftOut.get(word) : undefined
      if (value !== undefined && (flags[i + 1] ?? "-").startsWith("-")) return [`${word}=${value}`]
      if (isSwitch(word) && literals.has((flags[i + 1] ?? "").toLowerCase())) return [`${word}=true`]
      return valuedLetters.has(word.slice(0, 2)) && word.length > 2 && word[2] !== "="
        ? [word.slice(0, 2), word.slice(2)]
        : [word]
    }),
    ...(end < 0 ? [] : words.slice(end))
  ]
}

/** `help`, `help COMMAND`, `version` and `-V` as the flags they mean. */
export const asFlags = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [first, ...rest] = words
  if (first === "help") return [...rest, "--help"]
  return first === "-V" || (first === "version" && rest.length === 0) ? ["--version"] : words
}
