/** Examples in help and guides are copied: an input that begins with a dash must not be a flag in them. */
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

const textsBelow = (folder: string, ending: string): ReadonlyArray<string> =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending) && !file.includes("node_modules"))
    .map((file) => path.join(folder, file))

/** Templates in quotes after `map`: `sluice map -j 4 'cmd {}'`. */
const templates = [
  "README.md",
  ...textsBelow("docs", ".md"),
  ...textsBelow("examples", ".md"),
  ...textsBelow("src/cli", ".ts")
].flatMap((file) =>
  readFileSync(path.join(root, file), "utf8")
    .split("\n")
    .filter((line) => /\b(?:sluice|start --) map\b/.test(line))
    .flatMap((line) =>
      Array.from(line.matchAll(/\bmap\b[^']*'([^']*\{[^']*)'/g), ([, template]) => `${file}: ${template!}`)
    )
)

describe("examples of map", () => {
  it("end the flags before an input, or name the flag it belongs to", () => {
    assert.isAbove(templates.length, 6)
    // The one that shows what goes wrong.
    const wrong = templates.filter((text) => !text.endsWith(": rm {}"))
    for (const text of wrong) {
      for (const { index, 0: found } of text.matchAll(/\{(?:\.|\/|\/\/|\/\.|[a-z_]\w*)?\}/g)) {
        const before = text.slice(text.indexOf(": ") + 2, index)
        assert.match(before, / -- |--[a-z]+[ =]$|[>/=]\s?$|\becho /, `${found} in ${text}`)
      }
      assert.notMatch(text, /-o \{[a-z]/, "a field chooses where a file is written")
    }
  })
})
