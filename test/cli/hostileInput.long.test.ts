/**
 * Hostile strings and file names through each form of a template, each source and `--shell`: every byte arrives, and
 * nothing in them is run.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isUtf8 } from "node:buffer"
import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import { hostileNames, hostileStrings } from "../support/hostile/HostileBytes.ts"
import { temporaryFolder } from "./CommandLine.ts"
import { launcher } from "../support/cli/Launcher.ts"

const isReduced = process.env.SLUICE_LONG === "reduced"
/** The reduced form has all that are listed, and every fourth of them through each source. */
const strings = hostileStrings(isReduced ? 97 : 500, 29)
const stringsOfSources = strings.filter((_, i) => !isReduced || i % 4 === 0)
const names = hostileNames(isReduced ? 40 : 250, 29)
const limit = { timeout: 900_000 }

/** What `sluice map -k` writes, as bytes. */
const mapped = (folder: string, args: ReadonlyArray<string>, input: Buffer | string = ""): Buffer =>
  execFileSync(process.execPath, [launcher, "map", "-q", "-k", "-j", "4", ...args], {
    cwd: folder,
    input,
    maxBuffer: 1 << 28,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      XDG_STATE_HOME: path.join(folder, "..", "state"),
      XDG_CACHE_HOME: path.join(folder, "..", "cache"),
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE
    }
  })

const nul = Buffer.of(0)
const ended = (texts: ReadonlyArray<Buffer>): Buffer => Buffer.concat(texts.flatMap((text) => [text, nul]))

const inFolder = (body: (folder: string) => void) =>
  Effect.gen(function* () {
    const folder = path.join(yield* temporaryFolder, "in")
    mkdirSync(folder)
    body(folder)
    assert.deepStrictEqual(
      readdirSync(folder).filter((name) => !name.startsWith("list")),
      [],
      "something in the strings was run"
    )
  }).pipe(Effect.scoped)

/** Each prints its input and a NUL; some print more around it. */
const templates: ReadonlyArray<readonly [words: ReadonlyArray<string>, around: (text: Buffer) => Buffer]> = [
  [["printf '%s\\0' {}"], (text) => text],
  [["printf '%s\\0'"], (text) => text],
  [["printf '%s\\0' 'x{}'\"{}y\""], (text) => Buffer.concat([Buffer.from("x"), text, text, Buffer.from("y")])],
  [["printf '%s\\0' {1}"], (text) => text],
  [["--", "printf", "%s\\0", "{}"], (text) => text],
  [["--shell", "printf '%s\\0' {}"], (text) => text],
  [["--shell", "printf '%s\\0' '<{}>'"], (text) => Buffer.concat([Buffer.from("<"), text, Buffer.from(">")])],
  [["--shell", "x={}; printf '%s\\0' \"$x\""], (text) => text],
  [["--shell", "printf '%s\\0' \"{1}\" | cat"], (text) => text]
]

describe("hostile strings", () => {
  for (const [words, around] of templates) {
    it.live(
      `arrive byte for byte through ${words.join(" ")}`,
      () =>
        inFolder((folder) => {
          const printed = mapped(folder, ["-0", ...words], ended(strings))
          assert.isTrue(printed.equals(ended(strings.map(around))))
        }),
      limit
    )
  }

  it.live(
    "arrive from files, tables, JSON, words and sources",
    () =>
      inFolder((folder) => {
        const print = "printf '%s\\0' {}"
        writeFileSync(path.join(folder, "list"), ended(stringsOfSources))
        assert.isTrue(mapped(folder, ["-0", "--from", "list", print]).equals(ended(stringsOfSources)))
        assert.isTrue(mapped(folder, ["-0", print, "::::", "list"]).equals(ended(stringsOfSources)))
        assert.isTrue(mapped(folder, ["-0", "-X", print], ended(stringsOfSources)).equals(ended(stringsOfSources)))

        const quoted = (text: Buffer) => `"${text.toString("latin1").replaceAll('"', '""')}"`
        const table = Buffer.from(`"name"\n${stringsOfSources.map((text) => `${quoted(text)}\n`).join("")}`, "latin1")
        for (const words of [["printf '%s\\0' {name}"], ["printf '%s\\0' {1}"], ["--shell", "printf '%s\\0' {name}"]])
          assert.isTrue(mapped(folder, ["--csv", ...words], table).equals(ended(stringsOfSources)), words.join(" "))

        const text = stringsOfSources.filter((bytes) => isUtf8(bytes)).map((bytes) => bytes.toString("utf8"))
        const whole = ended(text.map((each) => Buffer.from(each)))
        const records = text.map((name) => JSON.stringify({ user: { name } }))
        const named = "printf '%s\\0' {user.name}"
        assert.isTrue(mapped(folder, ["--ndjson", named], records.join("\n")).equals(whole))
        assert.isTrue(mapped(folder, ["--json", named], `[${records.join(",")}]`).equals(whole))
        assert.isTrue(mapped(folder, ["--json", "--shell", named], `[${records.join(",")}]`).equals(whole))

        const words = text.filter((each) => !/^::::?\+?$/.test(each))
        assert.isTrue(mapped(folder, [print, ":::", ...words]).equals(ended(words.map((each) => Buffer.from(each)))))
        const pairs = mapped(folder, ["--shell", "printf '%s\\0' {2}{1}", ":::", ...words, ":::", "x"])
        assert.isTrue(pairs.equals(ended(words.map((each) => Buffer.from(`x${each}`)))))
      }),
    limit
  )
})

describe("files with hostile names", () => {
  for (const words of [["cat -- {}"], ["--shell", "cat -- {}"], ["--shell", "cat < '{}'"], ["-X", "cat --"]]) {
    it.live(
      `are read by ${words.join(" ")}`,
      () =>
        Effect.gen(function* () {
          const folder = path.join(yield* temporaryFolder, "files")
          mkdirSync(folder)
          names.forEach((name, i) => {
            writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), `${i}\n`)
          })
          const printed = mapped(folder, ["-0", ...words], ended(names)).toString()
          assert.strictEqual(printed, names.map((_, i) => `${i}\n`).join(""))
          assert.strictEqual(readdirSync(folder).length, names.length)
        }).pipe(Effect.scoped),
      limit
    )
  }
})
