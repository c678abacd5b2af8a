import { assert, describe, it } from "@effect/vitest"
import { availabilityOf } from "../../src/soak/Availability.ts"
import { Probes } from "../../src/soak/SoakProbe.ts"
import type { SoakLine } from "../../src/soak/SoakSamples.ts"

/** A part in which each second is asked about, and these are missed; told every ten seconds. */
const part = (number: number, seconds: number, missed: ReadonlyArray<number>): ReadonlyArray<SoakLine> => {
  const probes = new Probes()
  const lines: Array<SoakLine> = []
  for (let second = 0; second < seconds; second++) {
    probes.record(second, 3, missed.includes(second) ? undefined : 40)
    if (second % 10 === 9) lines.push({ type: "probes", part: number, elapsed: second * 1000, ...probes.take() })
  }
  return lines
}

describe("in which part of the time the queue answered", () => {
  it("is the share of seconds, with the longest run of them without an answer, across lines", () => {
    const { claim, enqueue, seconds } = availabilityOf(part(1, 100, [8, 9, 10, 11, 50]))!
    assert.strictEqual(seconds, 100)
    assert.deepStrictEqual(enqueue, { share: 1, longestGap: 0, longestMs: 3 })
    assert.strictEqual(claim.share, 0.95)
    assert.strictEqual(claim.longestGap, 4)
  })

  it("counts an answer that comes too late as none, and tells how long it took", () => {
    const probes = new Probes()
    probes.record(0, 20, 1000)
    probes.record(1, 1001, 4000)
    const { claim, enqueue } = availabilityOf([{ type: "probes", part: 1, elapsed: 0, ...probes.take() }])!
    assert.deepStrictEqual(enqueue, { share: 0.5, longestGap: 1, longestMs: 1001 })
    assert.deepStrictEqual(claim, { share: 0.5, longestGap: 1, longestMs: 4000 })
  })

  it("takes the ends of two parts for no gap between them, and seconds decided out of turn for neighbours", () => {
    const [one, two] = [part(1, 10, [8, 9]), part(2, 10, [0, 1])]
    assert.strictEqual(availabilityOf([...one, ...two])!.claim.longestGap, 2)
    const probes = new Probes()
    for (const second of [3, 1, 2]) probes.record(second, undefined, undefined)
    assert.strictEqual(
      availabilityOf([{ type: "probes", part: 1, elapsed: 0, ...probes.take() }])!.enqueue.longestGap,
      3
    )
  })

  it("is unknown when nothing was asked", () => {
    assert.isUndefined(availabilityOf([]))
  })
})
