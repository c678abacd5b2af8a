/**
 * The scripts of `sluice completions` in the shells they are for, with names a store may hold that nobody could have
 * given by our commands.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as CommandLine from "./CommandLine.ts"

/** The machine may be busy. */
const limit = { timeout: 60_000 }

const hostile = [
  "x$(touch${IFS}$T/ran)",
  "`touch $T/ran`",
  "$(touch $T/ran)",
  "';touch $T/ran;'",
  '";touch $T/ran;"',
  "\\$(touch $T/ran)",
  "(touch $T/ran)",
  "<(touch $T/ran)",
  "*",
  "?[a-z]*",
  "~",
  "$HOME",
  "${T}",
  "a b",
  "a\tb",
  "q'uote",
  'q"uote',
  "back\\slash",
  "-rf",
  "--group",
  "\x1b]0;title\x07",
  "\x9b31m",
  "safe\u202eevil",
  "zero\u200bwidth",
  "x".repeat(100_000)
]
const names = ["img:resize", "img:rotate", "network", "a-b"]

/** A `sluice` that lists names as a prepared store would make ours do. */
const stub = `#!/bin/sh
case "$1 $2" in
  "queue status") cat "$T/groups" ;;
  "job ls") cat "$T/jobs" ;;
  "queue stats") cat "$T/tasks" ;;
esac
`

const surroundings = Effect.gen(function* () {
  const cli = yield* CommandLine.make
  const folder = cli.folder
  const script = (shell: string) => Effect.map(cli.call(["completions", shell]), ({ stdout }) => stdout)
  const save = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text)
    return path.join(folder, name)
  }
  chmodSync(save("sluice", stub), 0o755)
  save("groups", [...names, ...hostile].map((name) => `${name}\n`).join(""))
  save("jobs", ["abcdefghijk", "abcdefghijz", ...hostile].map((name) => `${name}\n`).join(""))
  save("tasks", ["shell", "shoe", ...hostile].map((name) => `${JSON.stringify({ name, jobs: 1 })}\n`).join(""))
  const env = { PATH: `${folder}:${process.env.PATH}`, HOME: folder, T: folder, LC_ALL: "C.UTF-8" }
  const files = readdirSync(folder).length
  return {
    script,
    save,
    /** Standard output of a shell. */
    run: (program: string, args: ReadonlyArray<string>) => {
      const ended = spawnSync(program, args, { env, cwd: folder, encoding: "utf8", timeout: 30_000 })
      assert.strictEqual(ended.stderr, "", program)
      return ended.stdout
    },
    /** Nothing was run: no file is there that we did not make. */
    isUntouched: (made: number) => {
      assert.isFalse(existsSync(path.join(folder, "ran")))
      assert.strictEqual(readdirSync(folder).length, files + made)
    }
  }
})

/**
 * Calls the completion function as readline does, for several command lines; words are what `COMP_WORDBREAKS` leaves of
 * them.
 */
const bashCalls = (calls: ReadonlyArray<readonly [line: string, words: ReadonlyArray<string>]>): string =>
  calls
    .map(([line, words]) => {
      const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`)
      const current = quoted.at(-1)!
      return `COMP_LINE=${`'${line.replaceAll("'", "'\\''")}'`} COMP_POINT=${line.length} COMP_WORDS=(${quoted.join(" ")}) COMP_CWORD=${words.length - 1}
_sluice_with_values sluice ${current === "':'" ? "''" : current} ${quoted.at(-2)}
printf '[%s]' "\${COMPREPLY[@]}"; echo`
    })
    .join("\n")

const has = (program: string): boolean => {
  try {
    execFileSync(program, ["-c", "true"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

describe("completion", () => {
  it.live(
    "in bash runs nothing a store holds, and completes names with colons, after flags and in quotes",
    () =>
      Effect.gen(function* () {
        const at = yield* surroundings
        const script = at.save("completions.bash", yield* at.script("bash"))
        const calls = at.save(
          "calls.bash",
          `source ${script}\n${bashCalls([
            ["sluice queue pause ", ["sluice", "queue", "pause", ""]],
            ["sluice queue pause img:re", ["sluice", "queue", "pause", "img", ":", "re"]],
            ["sluice queue pause img:", ["sluice", "queue", "pause", "img", ":"]],
            ["sluice queue pause 'net", ["sluice", "queue", "pause", "'net"]],
            ["sluice queue group rm net", ["sluice", "queue", "group", "rm", "net"]],
            ["sluice queue pause x", ["sluice", "queue", "pause", "x"]],
            ["sluice queue pause $(touch $T/ran)", ["sluice", "queue", "pause", "$(touch $T/ran)"]],
            ["sluice job ls --group=n", ["sluice", "job", "ls", "--group", "=", "n"]],
            ["sluice job ls -g ", ["sluice", "job", "ls", "-g", ""]],
            ["sluice job ls --task sh", ["sluice", "job", "ls", "--task", "sh"]],
            ["sluice job get abc", ["sluice", "job", "get", "abc"]],
            ["sluice scale status ne", ["sluice", "scale", "status", "ne"]],
            ["sluice queue pa", ["sluice", "queue", "pa"]]
          ])}\n`
        )
        assert.deepStrictEqual(at.run("bash", ["--norc", "--noprofile", calls]).split("\n").slice(0, -1), [
          "[img:resize][img:rotate][network][a-b]",
          "[resize]",
          "[resize][rotate]",
          "[network]",
          "[network]",
          "[]",
          "[]",
          "[network]",
          "[img:resize][img:rotate][network][a-b]",
          "[shell][shoe]",
          "[abcdefghijk][abcdefghijz]",
          "[network]",
          "[pause]"
        ])
        at.isUntouched(2)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "in bash hands no word of the store to compgen, which expands it",
    () =>
      Effect.gen(function* () {
        const script = yield* (yield* surroundings).script("bash")
        const lists = [...script.matchAll(/compgen -W "([^"]*)"/g)].map(([, list]) => list!)
        assert.isAbove(lists.length, 10)
        // Flags of ours, or a variable that the same script fills with them.
        for (const list of lists) assert.match(list, /^(?:\$_filtered_flags|[\w\s-]*)$/)
        for (const [, added] of script.matchAll(/_filtered_flags\+?="([^"]*)"/g)) assert.match(added!, /^[\w\s-]*$/)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "in zsh offers names only",
    () =>
      Effect.gen(function* () {
        const at = yield* surroundings
        const text = yield* at.script("zsh")
        assert.match(text, /':the job'\\''s id, the beginning of it, or last:_sluice_jobs'/)
        assert.match(text, /':a resource group:_sluice_groups'/)
        assert.notMatch(text, /jobs at a time[^\n]*:_sluice/)
        // Everything offered goes through the two filters.
        assert.deepStrictEqual(text.match(/compadd[^\n]*/g), ["compadd -a values"])
        assert.match(text, /values:#\[A-Za-z0-9\]\*\}\)\n {2}values=\(\$\{values:#\*\[\^A-Za-z0-9\._:\/-\]\*\}\)/)
        if (!has("zsh")) return
        const functions = text.slice(text.indexOf("_sluice_names() {"), text.indexOf("\n_sluice() {"))
        const calls = at.save(
          "calls.zsh",
          `compadd() { print -rl -- "\${(@P)2}"; print -r -- . }\n${functions}\n_sluice_groups\n_sluice_jobs\n_sluice_tasks\n`
        )
        assert.deepStrictEqual(
          at
            .run("zsh", ["-f", calls])
            .split("\n")
            .filter((line) => line.length < 100_000),
          [...names, ".", "abcdefghijk", "abcdefghijz", ".", "shell", "shoe", ".", ""]
        )
        at.isUntouched(1)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "in fish offers names only",
    () =>
      Effect.gen(function* () {
        const at = yield* surroundings
        const text = yield* at.script("fish")
        const asking = text.split("\n").filter((line) => line.includes("2>/dev/null"))
        assert.strictEqual(asking.length, 6)
        for (const line of asking) assert.match(line, / \| string match -r -- \\'\^\[A-Za-z0-9\][^']*\$\\'\)'$/)
        if (!has("fish")) return
        const script = at.save("completions.fish", text)
        const calls = at.save(
          "calls.fish",
          `source ${script}\n${["queue pause ", "job get abc", "job ls --group n", "job ls --task s", "queue pause x"]
            .map((words) => `complete -C"sluice ${words}"\necho .`)
            .join("\n")}\n`
        )
        assert.deepStrictEqual(at.run("fish", ["-N", calls]).split("\n"), [
          ...[...names].sort(),
          ".",
          "abcdefghijk",
          "abcdefghijz",
          ".",
          "network",
          ".",
          "shell",
          "shoe",
          ".",
          ".",
          ""
        ])
        assert.isFalse(existsSync(path.join(path.dirname(script), "ran")))
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "loads no code of the folder it is pressed in",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        yield* cli.call(["add", "--", "true"])
        const canary = path.join(cli.folder, "ran")
        writeFileSync(
          path.join(cli.folder, "sluice.config.mjs"),
          `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(canary)}, ""); export default {}\n`
        )
        const script = (yield* cli.call(["completions", "bash"])).stdout
        const asked = [...script.matchAll(/^_sluice--(?:jobs|groups|tasks)\(\) \{ sluice ([^|]*?) 2>/gm)].map(
          ([, words]) => words!.split(" ")
        )
        assert.strictEqual(asked.length, 3)
        // Where only code names the store nothing is completed.
        for (const words of asked) yield* cli.call(words)
        assert.isFalse(existsSync(canary))
        yield* cli.call(["config", "print", "--config", path.join(cli.folder, "sluice.config.mjs")])
        assert.isTrue(existsSync(canary))
      }).pipe(Effect.scoped),
    limit
  )
})
