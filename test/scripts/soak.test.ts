import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

const script = fileURLToPath(new URL("../../scripts/soak", import.meta.url))

describe("scripts/soak", () => {
  it("is the command of the same name, with its flags and its exit codes", () => {
    const { status, stderr } = spawnSync(process.execPath, [script, "--hours=0"], { encoding: "utf8" })
    assert.strictEqual(status, 2)
    assert.match(stderr, /--hours is 0; expected more than 0/)
  })
})
