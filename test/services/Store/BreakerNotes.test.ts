import { assert, describe, it } from "@effect/vitest"
import { newBreaker } from "../../../src/services/Limits/policy/Breaker.ts"
import { BreakerNotes } from "../../../src/services/Store/BreakerNotes.ts"

const open = { breaker: { ...newBreaker, openUntil: 1_000, opened: 1 } }
const probing = { breaker: { ...open.breaker, probing: 1, probedAt: 1_000 } }

describe("notes of breakers", () => {
  it("say each change once, of a group or of a key of it", () => {
    const notes = new BreakerNotes()
    assert.strictEqual(notes.note("mail", undefined, undefined, open), "opened")
    assert.strictEqual(notes.note("mail", "acme", open, probing), "halfOpen")
    assert.strictEqual(notes.note("mail", "acme", probing, undefined), "closed")
    assert.deepStrictEqual(notes.take(), [
      { group: "mail", key: undefined, change: "opened", until: 1_000 },
      { group: "mail", key: "acme", change: "halfOpen", until: 1_000 },
      { group: "mail", key: "acme", change: "closed", until: 0 }
    ])
    assert.isUndefined(notes.take())
  })

  it("are none of what changes nothing", () => {
    const notes = new BreakerNotes()
    assert.isUndefined(notes.note("mail", undefined, open, open))
    assert.isUndefined(notes.note("mail", undefined, undefined, undefined))
    assert.isUndefined(notes.take())
  })
})
