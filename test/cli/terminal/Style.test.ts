import { assert, describe, it } from "@effect/vitest"
import { coloured, isLively, plain } from "../../../src/cli/terminal/Style.ts"
import { shown } from "./Shown.ts"

describe("Style", () => {
  it("is lively only on a terminal that can, when nobody asked for plain output", () => {
    const lively = { isTerminal: true, environment: { TERM: "xterm-256color" }, noColor: false }
    assert.isTrue(isLively(lively))
    assert.isTrue(isLively({ ...lively, environment: { NO_COLOR: "" } }))
    assert.isFalse(isLively({ ...lively, isTerminal: false }))
    assert.isFalse(isLively({ ...lively, noColor: true }))
    assert.isFalse(isLively({ ...lively, environment: { NO_COLOR: "1" } }))
    assert.isFalse(isLively({ ...lively, environment: { NO_COLOR: "0" } }))
    assert.isFalse(isLively({ ...lively, environment: { TERM: "dumb" } }))
  })

  it("closes what it opens, and adds nothing when plain", () => {
    assert.strictEqual(shown(coloured.bad("x")), "\x1b[31mx\x1b[39m")
    assert.strictEqual(shown(coloured.bold(coloured.state("running"))), "\x1b[1m\x1b[34mrunning\x1b[39m\x1b[22m")
    assert.strictEqual(coloured.dim(""), "")
    assert.strictEqual(plain.state("failed"), "failed")
    assert.strictEqual(plain.bold(plain.dim(plain.good(plain.warning(plain.bad("x"))))), "x")
  })
})
