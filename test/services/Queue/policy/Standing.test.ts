import { assert, describe, it } from "@effect/vitest"
import { type Silence, standing } from "../../../../src/services/Queue/policy/Standing.ts"

const leaseMs = 30_000
const hour = 3_600_000

const of = (silence: Partial<Silence>) =>
  standing({ silentMs: 0, leaseMs, process: "running", runsSilentMs: 0, suspendedForMs: 8 * hour, ...silence })

describe("standing still is not dying", () => {
  it("holds within the lease, whatever the process does, unless it is gone", () => {
    for (const process of ["running", "stopped", undefined] as const)
      for (const suspendedForMs of [0, 1, 8 * hour])
        assert.strictEqual(of({ silentMs: leaseMs - 1, process, suspendedForMs }), "holds")
    assert.strictEqual(of({ process: "gone" }), "lost")
  })

  it("spares who is stopped for as long as its task allows, from its last renewal", () => {
    assert.strictEqual(of({ silentMs: leaseMs, process: "stopped" }), "suspended")
    assert.strictEqual(of({ silentMs: 8 * hour - 1, process: "stopped" }), "suspended")
    assert.strictEqual(of({ silentMs: 8 * hour, process: "stopped" }), "lost")
    for (const suspendedForMs of [0, 1, leaseMs])
      assert.strictEqual(of({ silentMs: leaseMs, process: "stopped", suspendedForMs }), "lost")
  })

  it("spares who runs for one lease more from when it was first seen to run without renewing", () => {
    assert.strictEqual(of({ silentMs: hour, runsSilentMs: 0 }), "suspended")
    assert.strictEqual(of({ silentMs: hour, runsSilentMs: leaseMs - 1 }), "suspended")
    assert.strictEqual(of({ silentMs: hour, runsSilentMs: leaseMs }), "lost")
    assert.strictEqual(of({ silentMs: leaseMs, suspendedForMs: 0 }), "lost")
  })

  it("goes by the lease alone where nobody can look at the process", () => {
    assert.strictEqual(of({ silentMs: leaseMs, process: undefined }), "lost")
  })
})
