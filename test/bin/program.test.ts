import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { commandNames } from "../../src/cli/CommandList.ts"
import { calledCommand } from "../../src/cli/Invocation.ts"

// Plain JavaScript, which the launcher imports on a Node of any age.
const program = "../../bin/program.mjs"
const { isOwn, kindOf, readyMade } = (await import(program)) as {
  readonly isOwn: (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) => boolean
  readonly kindOf: (args: ReadonlyArray<string>) => string
  readonly readyMade: (args: ReadonlyArray<string>) => string | undefined
}

const commands = path.resolve(import.meta.dirname, "../../src/cli/commands")

/** The calls whose modules ask for the project's code: `acting` settings, or a module of tasks. */
const acting = readdirSync(commands, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .filter((file) =>
    /\b(?:acting|openActing|actingLocation|TaskModule|NamedTask)\b/.test(
      readFileSync(path.join(commands, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "")
    )
  )
  .map((file) => file.replace(/\.ts$/, "").split(path.sep))
  .filter((words) => words.join(" ") !== "db doctor")

describe("the choice between bundle and library", () => {
  it("leaves every command that may load code of a project's to the library, so that `effect` is one", () => {
    assert.isAtLeast(acting.length, 5)
    for (const words of acting) assert.isFalse(isOwn(words, {}), words.join(" "))
    for (const words of [
      ["worker", "--tasks", "./ls"],
      ["worker", "--tasks", "ls"],
      ["--store", "q.db", "worker"],
      ["--store", "job", "worker", "-d"],
      ["-q", "enqueue", "resize"],
      ["profile", "baseline", "save"]
    ]) {
      assert.isFalse(isOwn(words, {}), words.join(" "))
    }
  })

  it("leaves a call that names settings in code to the library, by flag or environment", () => {
    for (const file of ["sluice.config.ts", "/x/y.mts", "z.mjs", "a.js", "b.cjs"]) {
      assert.isFalse(isOwn(["--config", file, "job", "ls"], {}))
      assert.isFalse(isOwn(["job", "ls", `--config=${file}`], {}))
      assert.isFalse(isOwn(["job", "ls"], { SLUICE_CONFIG: file }))
    }
    assert.isTrue(isOwn(["job", "ls", "--config", "c.json"], { SLUICE_CONFIG: "d.json" }))
    assert.isTrue(isOwn(["run", "--", "tool", "--config", "c.ts"], {}))
  })

  it("takes the bundle for the everyday commands, and reads which is called as the command line does", () => {
    for (const words of [
      "job ls",
      "queue status",
      "worker ls",
      "doctor",
      "add -- x",
      "run -- true",
      "map x",
      "--help"
    ]) {
      assert.isTrue(isOwn(words.split(" "), {}), words)
    }
    const fillers = [[], ["-q"], ["--store", "worker"], ["--config", "job"], ["--no-color", "--store", "x"]]
    for (const name of commandNames) {
      for (const filler of fillers) {
        assert.strictEqual(calledCommand([...filler, name, "x"]), name)
        assert.strictEqual(isOwn([...filler, name, "x"], {}), isOwn([name, "x"], {}), `${filler} ${name}`)
      }
    }
  })

  it("answers completions for a known shell from a file, and nothing else", () => {
    assert.strictEqual(readyMade(["completions", "bash"]), "dist/completions/sluice.bash")
    for (const words of [
      ["completions"],
      ["completions", "constructor"],
      ["completions", "bash", "x"],
      ["job", "bash"]
    ]) {
      assert.isUndefined(readyMade(words))
    }
  })
})

describe("the name of what a call loads", () => {
  it("is the command with its subcommand, whatever flags and arguments there are", () => {
    for (const [line, kind] of [
      ["job ls --limit 1", "job-ls"],
      ["--store q.db -q job ls", "job-ls"],
      ["add make", "add"],
      ["run -- job ls --help", "run"],
      ["map --help", "help-map"],
      ["job ls -h", "help-job"],
      ["help job", "help-job"],
      ["help", "help"],
      ["--help", "help"],
      ["", "help"],
      ["job ../../x", "job"],
      ["../../x ls", "help"],
      ["job", "job"]
    ] as const) {
      assert.strictEqual(kindOf(line.split(" ").filter((word) => word !== "")), kind, line)
    }
  })
})
