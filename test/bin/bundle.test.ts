/** Which compiled code a start of the bundle takes, keeps and refuses. */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"

const bundle = path.resolve(import.meta.dirname, "../../bin/bundle.mjs")

let folder: string
let kept: string

const put = (name: string, code: string) => writeFileSync(path.join(folder, "bundle", name), `"use strict";${code}`)

/** Starts the bundle with words and answers what it printed. */
const start = (...words: ReadonlyArray<string>): string => {
  const main = path.join(folder, "bundle/main.cjs")
  const program = `import { runBundle } from ${JSON.stringify(bundle)}
    await runBundle(${JSON.stringify(main)}, ${JSON.stringify(kept)}).ended`
  const { stderr, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program, ...words], {
    encoding: "utf8"
  })
  assert.strictEqual(stderr, "")
  return stdout
}

/** A file that was written anew is another one. */
const written = () => statSync(kept).ino

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sluice-bundle-"))
  kept = path.join(folder, "kept/job-ls")
  mkdirSync(path.join(folder, "bundle"))
  put(
    "main.cjs",
    `const path = require("node:path")
    const { said } = require("./said.cjs")
    exports.ended = Promise.resolve().then(() => {
      if (process.argv.includes("more")) console.log(require("./more.cjs").more)
      console.log(said(path.basename(__filename)))
      process.exit(process.argv.includes("fail") ? 1 : 0)
    })`
  )
  put("said.cjs", "exports.said = (by) => `one by ${by}`")
  put("more.cjs", `exports.more = "more"`)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe("compiled code of the bundle", () => {
  it("is kept for this user alone when a command has ended well, and taken by the next start", () => {
    assert.strictEqual(start("fail"), "one by main.cjs\n")
    assert.deepStrictEqual(readdirSync(folder), ["bundle"])
    assert.strictEqual(start(), "one by main.cjs\n")
    assert.strictEqual(statSync(kept).mode & 0o777, 0o600)
    assert.deepStrictEqual(readdirSync(path.dirname(kept)), ["job-ls"])
    const first = written()
    assert.strictEqual(start(), "one by main.cjs\n")
    assert.strictEqual(written(), first)
  })

  it("grows by what a start loads besides, and loses none for what it does not load", () => {
    start()
    const first = written()
    assert.strictEqual(start("more"), "more\none by main.cjs\n")
    const second = written()
    assert.notStrictEqual(second, first)
    start()
    start("more")
    assert.strictEqual(written(), second)
    assert.include(readFileSync(kept, "latin1"), '["more.cjs"')
    rmSync(path.join(folder, "bundle/more.cjs"))
    put("said.cjs", "exports.said = () => 0")
    start()
    assert.notInclude(readFileSync(kept, "latin1"), '["more.cjs"')
  })

  it("is never of another source, of the same length too", () => {
    start()
    put("said.cjs", "exports.said = (by) => `two by ${by}`")
    assert.strictEqual(start(), "two by main.cjs\n")
    assert.strictEqual(start(), "two by main.cjs\n")
  })

  it("is compiled anew where what was kept is damaged or is none", () => {
    start()
    const whole = readFileSync(kept)
    const damaged = [
      Buffer.alloc(0),
      Buffer.from("{}"),
      Buffer.alloc(64, 0xff),
      whole.subarray(0, whole.length - 1),
      ...[0, 4, 40, whole.length >> 1, whole.length - 1].map((at) => {
        const other = Buffer.from(whole)
        other[at]! ^= 0x20
        return other
      })
    ]
    for (const bytes of damaged) {
      writeFileSync(kept, bytes)
      assert.strictEqual(start(), "one by main.cjs\n")
      const after = written()
      assert.strictEqual(start(), "one by main.cjs\n")
      assert.strictEqual(written(), after)
    }
  })
})
