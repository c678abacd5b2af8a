import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { commandNames } from "../../src/cli/CommandList.ts"

const root = path.resolve(import.meta.dirname, "../..")

/**
 * The pages people read. Decisions are records of their time and not kept up; the API reference shows declarations,
 * which the package's check holds to the code.
 */
const pages = ["README.md", "CONTRIBUTING.md"].concat(
  fs
    .readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md") && !/^(decisions|api)\//.test(file))
    .map((file) => path.join("docs", file))
)
const textOf = (page: string) => fs.readFileSync(path.join(root, page), "utf8")

/** The fenced blocks of one language. */
const blocks = (page: string, language: string): ReadonlyArray<string> =>
  [...textOf(page).matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter(([, found]) => found === language)
    .map(([, , code]) => code!)

describe("the documentation", () => {
  it("shows the first example as it is", () => {
    const example = fs.readFileSync(path.join(root, "examples/first-job.ts"), "utf8")
    assert.strictEqual(blocks("README.md", "ts")[0], example.replace('"../src/index.ts"', '"sluice"'))
  })

  it("holds TypeScript that compiles, the blocks of a page read as one module", { timeout: 60_000 }, async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-docs-"))
    try {
      fs.symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"))
      const modules = pages.filter((page) => blocks(page, "ts").length > 0)
      assert.isAtLeast(modules.length, 5)
      for (const page of modules) {
        fs.writeFileSync(
          path.join(folder, `${page.replaceAll(path.sep, "-")}.mts`),
          `export {}\n${blocks(page, "ts").join("\n")}`
        )
      }
      fs.writeFileSync(
        path.join(folder, "tsconfig.json"),
        JSON.stringify({
          extends: path.join(root, "tsconfig.json"),
          compilerOptions: {
            noUnusedLocals: false,
            allowImportingTsExtensions: true,
            rewriteRelativeImportExtensions: false,
            typeRoots: [path.join(root, "node_modules/@types")],
            paths: {
              sluice: [path.join(root, "src/index.ts")],
              ...Object.fromEntries(
                ["alerts", "limits", "profiling", "scaling", "store", "streams"].map((room) => [
                  `sluice/${room}`,
                  [path.join(root, `src/${room}.ts`)]
                ])
              ),
              "sluice/testing": [path.join(root, "src/testing/index.ts")]
            }
          },
          include: ["*.mts"]
        })
      )
      // One that must fail shows that the others were looked at.
      fs.writeFileSync(path.join(folder, "wrong.md.mts"), 'export const wrong: number = "text"\n')
      const said = await new Promise<string>((resolve) => {
        execFile(path.join(root, "node_modules/.bin/tsc"), ["--noEmit", "-p", folder], (_, stdout, stderr) =>
          resolve(stdout + stderr)
        )
      })
      const errors = said.split("\n").filter((line) => line.includes(".md.mts("))
      assert.lengthOf(errors, 1, said)
      assert.include(errors[0], "wrong.md.mts")
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })

  it("names commands that exist", () => {
    const called = pages.flatMap((page) =>
      [
        ...blocks(page, "sh")
          .join("\n")
          .matchAll(/(?:npm start(?: --silent)? --|^(?:\$ )?sluice|[;|(] ?sluice) ([a-z]\w*)/gm)
      ].map(([, command]) => ({ page, command: command! }))
    )
    assert.isAtLeast(called.length, 10)
    assert.deepStrictEqual(
      called.filter(({ command }) => !commandNames.some((name) => name === command)),
      []
    )
  })

  it("links to files that are there", () => {
    const broken = pages.flatMap((page) =>
      [...textOf(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)]
        .map(([, target]) => path.join(path.dirname(page), target!))
        .filter((target) => !fs.existsSync(path.join(root, target)))
        .map((target) => `${page}: ${target}`)
    )
    assert.deepStrictEqual(broken, [])
  })
})
