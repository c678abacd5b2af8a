/** `sluice(1)` and `sluice help`: what the commands say of themselves, whole. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { type HelpPage, helpPages } from "../../scripts/build/help-pages.ts"
import { manPage } from "../../scripts/build/man-page.ts"
import * as CommandLine from "../cli/CommandLine.ts"

let pages: ReadonlyArray<HelpPage>
beforeAll(async () => {
  pages = await Effect.runPromise(helpPages)
})

const isLeaf = ({ doc }: HelpPage): boolean => (doc.subcommands ?? []).length === 0

/** As a reader of the page sees it. */
const rendered = (page: string): string => {
  const { status, stderr, stdout } = spawnSync("groff", ["-ww", "-man", "-Tutf8", "-P-cbou", "-rLL=1000n"], {
    input: page,
    encoding: "utf8"
  })
  assert.strictEqual(status, 0)
  assert.strictEqual(stderr, "")
  return stdout.replaceAll("\u2010", "-").replaceAll("\u2212", "-")
}

const hasGroff = spawnSync("groff", ["--version"]).status === 0

/** Of a command: from its heading to the next. */
const sectionOf = (page: string, path: string): string => {
  const from = page.indexOf(`\n.SS ${path.replaceAll("-", "\\-")}\n`)
  assert.isAtLeast(from, 0, path)
  const to = page.indexOf("\n.S", from + 1)
  return page.slice(from, to)
}

describe("the man page", () => {
  it("holds every command with each of its flags and aliases, its arguments and its examples", () => {
    const page = manPage(pages, "1.2.3")
    const plain = (text: string) => text.replaceAll("\\-", "-").replaceAll("\\(aq", "'").replaceAll("\\e", "\\")
    assert.isAtLeast(pages.length, 99)
    for (const { doc, path } of pages.slice(1)) {
      const section = plain(sectionOf(page, path.slice(1).join(" ")))
      assert.include(section, doc.usage)
      for (const { aliases, name } of doc.flags)
        for (const spelling of [`--${name}`, ...aliases]) assert.include(section, `\\fB${spelling}\\fR`)
      for (const { name } of doc.args ?? []) assert.include(section, name)
      assert.strictEqual(section.match(/^\\fBsluice|^\\fB.*sluice /gm)?.length ?? 0, doc.examples?.length ?? 0)
    }
    for (const { name } of pages[0]!.doc.globalFlags ?? []) assert.include(plain(page), `\\fB--${name}\\fR`)
  })

  it.skipIf(!hasGroff)("is rendered without a warning, its examples as they are typed", () => {
    const seen = rendered(manPage(pages, "1.2.3"))
    for (const { doc } of pages)
      for (const { command } of doc.examples ?? []) assert.include(seen, `${command}\n`.trimEnd(), command)
  })
})

describe("help", () => {
  it("has an example for every command that does something", () => {
    assert.deepStrictEqual(
      pages.filter((page) => isLeaf(page) && (page.doc.examples ?? []).length === 0).map(({ path }) => path.join(" ")),
      []
    )
  })

  it.live("of a command is what its --help says, wherever the command stands", () =>
    Effect.gen(function* () {
      const { call } = yield* CommandLine.make
      for (const path of [[], ["map"], ["job", "ls"], ["profile", "baseline", "save"]]) {
        const help = yield* call(["help", ...path])
        assert.deepStrictEqual(help, yield* call([...path, "--help"]))
        assert.strictEqual(help.code, 0)
        assert.include(help.stdout, ["sluice", ...path].join(" "))
      }
    })
  )

  it.live("of what is no command says so, with a suggestion", () =>
    Effect.gen(function* () {
      const { call } = yield* CommandLine.make
      for (const words of [
        ["help", "jbo"],
        ["jbo", "--help"],
        ["jbo", "-h"]
      ]) {
        const { code, stderr, stdout } = yield* call(words)
        assert.deepStrictEqual([code, stdout], [2, ""])
        assert.match(stderr, /unknown command "jbo"\. Did you mean "job"\?/)
      }
      const below = yield* call(["help", "job", "lss"])
      assert.match(below.stderr, /unknown command "lss"\. Did you mean ls\?/)
    })
  )

  it.live("has beside it version and -V, which take nothing else", () =>
    Effect.gen(function* () {
      const { call } = yield* CommandLine.make
      for (const words of [["version"], ["-V"], ["--version"]])
        assert.deepInclude(yield* call(words), { code: 0, stdout: "sluice 1.2.3\n" })
      assert.strictEqual((yield* call(["version", "x"])).code, 2)
    })
  )
})
