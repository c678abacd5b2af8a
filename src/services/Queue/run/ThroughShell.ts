/**
 * A command that Node cannot start as it is. Node passes words on as UTF-8 and has no umask for a child alone; a shell
 * makes bytes of octal numbers, sets the umask, and becomes the command. The command finds exactly what was asked for:
 * what a shell sets or forgets by itself is put right by `env`, which the shell becomes first.
 *
 * Values of variables travel to the shell in its environment, never on a command line. Pure.
 */
import { looksSecret } from "../policy/SecretVariables.ts"
import { fromBytes, shown, type SystemWord, toBytes } from "./SystemWord.ts"

export interface Asked {
  /** Where it is: an absolute path. */
  readonly program: SystemWord
  readonly args: ReadonlyArray<SystemWord>
  readonly cwd: SystemWord
  readonly env: Readonly<Record<string, string>>
  readonly envBytes: ReadonlyArray<Uint8Array>
  /** Undefined: as it is. */
  readonly umask: number | undefined
}

/** For `spawn` of Node. */
export interface Startable {
  readonly file: string
  readonly args: ReadonlyArray<string>
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

export const isText = ({ args, cwd, envBytes, program }: Omit<Asked, "env" | "umask">): boolean =>
  envBytes.length === 0 && [program, cwd, ...args].every((word) => typeof word === "string")

/** What shells set, change or refuse by themselves, and `env` has the last word on. */
const shellsOwn = ["PWD", "OLDPWD", "SHLVL", "_"]
const shellsWords =
  /^(?:BASH.*|DIRSTACK|ENV|EPOCH.*|EUID|FUNCNAME|GROUPS|HOST.*|IFS|LINENO|MACHTYPE|OLDPWD|OPT.*|OSTYPE|PATH|PIPESTATUS|POSIX.*|PPID|PS[0-9]|PWD|RANDOM|SECONDS|SHELLOPTS|SHLVL|SRANDOM|UID|_)$/
const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/
const isCarried = (name: string): boolean => identifier.test(name) && !shellsWords.test(name)

/** For `printf`: what is not a plain character as `\NNN`. */
const octal = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) =>
    (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x2f
      ? String.fromCharCode(byte)
      : `\\${byte.toString(8).padStart(3, "0")}`
  ).join("")

/** A name of the shell that no variable of the command has. */
const freeName = (names: ReadonlyArray<string>): string => {
  let name = "sluice_"
  while (names.some((taken) => taken.startsWith(name))) name += "_"
  return name
}

const split = (variable: Uint8Array) => {
  const at = variable.indexOf(0x3d)
  return { name: fromBytes(variable.subarray(0, at)), value: variable.subarray(at + 1) }
}

/**
 * The same command for Node. Throws `EILSEQ` for a variable that looks like a secret and that no shell can pass on, as
 * one whose name is no identifier: the only way left were a command line, which everybody may read.
 */
export const throughShell = ({ args, cwd, env, envBytes, program, umask }: Asked): Startable => {
  const bytes = envBytes.map(split)
  const stronger = new Set(bytes.map(({ name }) => (typeof name === "string" ? name : shown(name))))
  const plain = Object.entries(env).filter(([name]) => !stronger.has(name))
  const free = freeName([...Object.keys(env), ...stronger])
  const given: Record<string, string> = {}
  const lines: Array<string> = []
  const words: Array<string> = []
  let made = 0

  /** A word of the command line to be: a parameter as it is, or bytes in a variable of the shell. */
  const say = (word: SystemWord): string => {
    if (typeof word === "string") {
      words.push(word)
      return `"\${${words.length}}"`
    }
    const variable = `${free}${made++}`
    lines.push(`${variable}=$(printf '${octal(word)}x')`, `${variable}=\${${variable}%x}`)
    return `"$${variable}"`
  }

  const before: Array<string> = ["exec", "env"]
  for (const name of [...shellsOwn, "PATH"]) {
    if (!plain.some(([has]) => has === name)) before.push("-u", name)
  }
  before.push("--")
  for (const [name, value] of plain) {
    if (isCarried(name)) given[name] = value
    else before.push(say(assignment(name, toBytes(value))))
  }
  for (const { name, value } of bytes) {
    if (typeof name === "string" && isCarried(name)) {
      const from = `${free}v${made++}`
      given[from] = octal(value)
      lines.push(`${name}=$(printf "\${${from}}x")`, `${name}=\${${name}%x}`, `export ${name}`, `unset ${from}`)
    } else before.push(say(assignment(name, value)))
  }
  // `env` takes whatever holds a `=` for a variable; `nice` takes nothing for one, and becomes the command as well.
  if (toBytes(program).includes("=")) before.push("nice", "-n", "0")
  const run = [program, ...args].map(say)
  if (typeof cwd !== "string") lines.push(`cd ${say(cwd)} || exit 125`)
  if (umask !== undefined) lines.push(`umask 0${umask.toString(8).padStart(3, "0")}`)
  return {
    file: "/bin/sh",
    args: ["-c", [...lines, [...before, ...run].join(" ")].join("\n"), "sh", ...words],
    cwd: typeof cwd === "string" ? cwd : "/",
    env: { ...given, PATH: "/usr/bin:/bin" }
  }
}

/** `NAME=VALUE` on the command line of `env`. */
const assignment = (name: SystemWord, value: Uint8Array): SystemWord => {
  const text = fromBytes(value)
  if (looksSecret(shown(name), typeof text === "string" ? text : shown(text))) {
    throw Object.assign(
      new Error(
        `the variable ${JSON.stringify(shown(name))} cannot go along with a command that is not UTF-8; leave it out`
      ),
      { code: "EILSEQ" }
    )
  }
  return fromBytes(Buffer.concat([toBytes(name), Buffer.from("="), value]))
}
