/** The speed check on this tree: 5 % more in one stage is found, whatever else the machine does. */
import { assert, describe, it } from "@effect/vitest"
import { checkPlanted, stages } from "../support/speed/planted.ts"

// One stage, and one of the quickest to decide, where time is short.
const planted = process.env.SLUICE_LONG === "reduced" ? ["settle"] : stages

describe("the speed check", () => {
  it.each(planted)("fails when %s takes 5 %% more CPU time", (stage) => {
    const { code, lines } = checkPlanted(stage)
    assert.strictEqual(code, 1, lines.join("\n"))
    assert.isTrue(
      lines.some((line) => line.startsWith(`failed   ${stage}: +`)),
      lines.join("\n")
    )
  })
})
