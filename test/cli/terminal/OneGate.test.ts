/** Text reaches a terminal through `Screen` and nowhere else. */
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"

const source = fileURLToPath(new URL("../../../src", import.meta.url))
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))

/** Lines of the sources that are no comments and show `pattern`, as `file: line`. */
const linesWith = (pattern: RegExp, except: ReadonlyArray<string>): ReadonlyArray<string> =>
  files
    .filter((file) => !except.includes(file))
    .flatMap((file) =>
      readFileSync(path.join(source, file), "utf8")
        .split("\n")
        .filter((line) => pattern.test(line) && !/^\s*(\/?\*|\/\/)/.test(line))
        .map((line) => `${file}: ${line.trim()}`)
    )

describe("the way to the terminal", () => {
  it("is opened in main and, for its last words, by a worker, and nowhere else", () => {
    assert.deepStrictEqual(
      linesWith(/process\.std(out|err)|\bconsole\.|effect\/Console|\bConsole\.|\/dev\/(tty|stdout|stderr)/, [
        "cli/main.ts",
        // A library tells whose exception ends its process.
        "services/Queue/run/LooseFailures.ts"
      ]),
      []
    )
    assert.deepStrictEqual(linesWith(/\bfs?\.?writeSync\([12]\b|writeFileSync\([12]\b/, []), [])
  })

  it("is passed by control sequences of one file", () => {
    assert.deepStrictEqual(
      linesWith(/\\x1b|\\u001b|\\u\{1b\}|\\e\[|\\033|fromCharCode\(27\)|\\x9b/i, ["cli/terminal/ControlSequence.ts"]),
      []
    )
  })
})
