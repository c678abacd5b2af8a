import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { listFolder } from "../../../src/cli/demo/FolderFiles.ts"
import { rebase } from "../../../src/cli/demo/GitIgnore.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "sluice-ignore-")))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true }))
)

const git = (folder: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", ["-C", folder, "-c", "core.excludesFile=/dev/null", "-c", "core.ignoreCase=false", ...args], {
    encoding: "utf8"
  })

const folders = ["", "a", "b", "a/b", "a/b/c", "b/a", "ab", "[a]", "c d"] as const
const names = ["a", "b", "ab", "a.b", "c", "A", "x y", "#c", "!b"] as const

const plainFiles = folders
  .flatMap((folder) => ["f.a", "f.b", "g", ...names.slice(3)].map((name) => path.posix.join(folder, name)))
  .filter((file) => !folders.some((folder) => folder === file))

const pattern = Schema.Array(
  Schema.Literals([
    ...names,
    "f.a",
    "g",
    "/",
    "/",
    "/",
    "*",
    "*.",
    "?",
    "**/",
    "/**",
    "[ab]",
    "[!a]",
    "[a-c]",
    "\\#",
    "\\!",
    "\\*",
    "\\[a]",
    "!",
    "#",
    " ",
    "\\ "
  ])
).check(Schema.isMinLength(1), Schema.isMaxLength(4))

const ignoreFile = Schema.Struct({
  folder: Schema.Literals(folders),
  patterns: Schema.Array(pattern).check(Schema.isMinLength(1), Schema.isMaxLength(4)),
  negated: Schema.Boolean,
  ending: Schema.Literals(["\n", "\r\n"])
})

describe("GitIgnore", () => {
  it("rewrites the patterns of a nested file for the folder above", () => {
    const cases: ReadonlyArray<readonly [string, string | undefined]> = [
      ["*.log", "/a/b/**/*.log"],
      ["/x", "/a/b/x"],
      ["x/y", "/a/b/x/y"],
      ["x/", "/a/b/**/x/"],
      ["!x", "!/a/b/**/x"],
      ["!/x/", "!/a/b/x/"],
      ["\\!x", "/a/b/**/\\!x"],
      ["", undefined],
      ["# x", undefined],
      ["   ", undefined],
      ["x  ", "/a/b/**/x"],
      ["x\\ ", "/a/b/**/x\\ "],
      ["**/x", "/a/b/**/x"]
    ]
    for (const [line, expected] of cases) assert.strictEqual(rebase(line, "a/b"), expected, JSON.stringify(line))
    assert.strictEqual(rebase("x", "[a] b"), "/\\[a\\]\\ b/**/x")
    assert.strictEqual(rebase("!x ", ""), "!x")
  })

  it.effect("leaves out exactly what git leaves out", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      git(folder, "init", "-q")
      const write = (file: string, text: string) => {
        fs.mkdirSync(path.join(folder, path.dirname(file)), { recursive: true })
        fs.writeFileSync(path.join(folder, file), text)
      }
      for (const file of [
        "keep.txt",
        "x.log",
        "important.log",
        "build/out.js",
        "src/build/in.js",
        "src/a.js",
        "src/gen/a.js",
        "src/gen/keep.js",
        "docs/a/b/c.md",
        "docs/c.md",
        "logs/1.log",
        "logs/keep/2.log"
      ])
        write(file, "x")
      write(".gitignore", "*.log\n!important.log\n/build/\ndocs/**/c.md\nlogs/*\n!logs/keep\n")
      write("src/.gitignore", "gen/*\n!gen/keep.js\n")
      write("logs/keep/.gitignore", "!2.log\n")
      const listing = yield* listFolder(folder)
      const expected = git(folder, "ls-files", "-z", "--others", "--exclude-standard").split("\0").slice(0, -1).sort()
      assert.deepStrictEqual(listing.files.map((file) => file.path).sort(), expected)
      assert.include(expected, "logs/keep/2.log")
      assert.notInclude(expected, "build/out.js")
    })
  )

  it.live("passes over what a stranger wrote to make it slow or end it, and keeps the other lines", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const deep = Array.from({ length: 40 }, () => "a").join("/")
      fs.mkdirSync(path.join(folder, deep), { recursive: true })
      for (const name of [`${deep}/c`, "a".repeat(255), "kept", "named"]) fs.writeFileSync(path.join(folder, name), "")
      const lines = [
        "**/a/**/a/**/a/**/a/**/b",
        "*a*a*a*a*a*a*a*ab",
        "x".repeat(40_000),
        "named   ",
        " ".repeat(60_000),
        `${" ".repeat(60_000)}x`,
        "\\ ".repeat(30_000),
        "[".repeat(4000),
        "?".repeat(4000),
        "\0\x1b[2J"
      ]
      fs.writeFileSync(path.join(folder, ".gitignore"), lines.join("\n"))
      const began = performance.now()
      const listing = yield* listFolder(folder)
      assert.isBelow(performance.now() - began, 2000)
      assert.deepStrictEqual(listing.files.map((file) => file.path).sort(), [
        ".gitignore",
        `${deep}/c`,
        "a".repeat(255),
        "kept"
      ])
      // A megabyte and more is no list of rules.
      fs.writeFileSync(path.join(folder, ".gitignore"), `kept\n${"#\n".repeat(600_000)}`)
      assert.include(
        (yield* listFolder(folder)).files.map((file) => file.path),
        "kept"
      )
    }).pipe(Effect.scoped)
  )

  describe("in one repository of many names", () => {
    let folder: string

    beforeAll(() => {
      folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "sluice-ignore-")))
      git(folder, "init", "-q")
      for (const one of folders) fs.mkdirSync(path.join(folder, one), { recursive: true })
      for (const file of plainFiles) fs.writeFileSync(path.join(folder, file), "")
    })

    afterAll(() => fs.rmSync(folder, { recursive: true }))

    it.effect.prop(
      "agrees with git on any rules at any depth",
      [Schema.Array(ignoreFile).check(Schema.isMinLength(1), Schema.isMaxLength(3))],
      ([ignoreFiles]) =>
        Effect.gen(function* () {
          for (const one of folders) fs.rmSync(path.join(folder, one, ".gitignore"), { force: true })
          for (const { ending, folder: at, negated, patterns } of ignoreFiles) {
            const lines = patterns.map(
              (pieces, i) => `${negated && i === patterns.length - 1 ? "!" : ""}${pieces.join("")}`
            )
            fs.writeFileSync(path.join(folder, at, ".gitignore"), lines.join(ending))
          }
          const listing = yield* listFolder(folder)
          const expected = git(folder, "ls-files", "-z", "--others", "--exclude-standard")
            .split("\0")
            .slice(0, -1)
            .sort()
          assert.deepStrictEqual(listing.files.map((file) => file.path).sort(), expected)
        }),
      { arbitrary: { runs: 20 }, timeout: 20_000 }
    )
  })
})
