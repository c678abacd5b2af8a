import { assert, describe, it } from "@effect/vitest"
import type { Rate } from "../../../../src/services/Limits/GroupPolicy.ts"
import {
  accepted,
  adaptedRate,
  type AdaptiveState,
  newAdaptive,
  refused
} from "../../../../src/services/Limits/policy/AdaptiveRate.ts"
import { allowedAt, charged } from "../../../../src/services/Limits/policy/Rates.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"
import { fixedWindow, type OtherSide, slidingWindow, tokenBucket } from "./OtherSide.ts"

const epoch = 1_700_000_000_000

interface Sending {
  readonly side: OtherSide
  readonly declared?: Rate | undefined
  readonly seconds: number
  /** Jobs that come each second. */
  readonly demand?: number
  readonly slots?: number
  /** Between half and one and a half of it. */
  readonly latencyMs?: number
  readonly adaptive?: boolean
  readonly seed?: number
}

interface Sent {
  readonly accepted: number
  readonly refused: number
  /** Each after the first second. */
  readonly acceptedLater: number
  readonly refusedLater: number
  readonly acceptedOfLate: number
  readonly state: AdaptiveState
}

/** Sends as a group does whose jobs start when a slot is free, the rate allows it and nothing is held back. */
const send = ({
  adaptive = true,
  declared,
  demand = 100,
  latencyMs = 50,
  seconds,
  seed = 1,
  side,
  slots = 10
}: Sending): Sent => {
  const random = new SeededRandom(seed)
  const running: Array<{ readonly endsAt: number; readonly startedAt: number; readonly answer: number | undefined }> =
    []
  let state = newAdaptive
  let tat = 0
  let heldBackUntil = 0
  let begun = 0
  const sent = { accepted: 0, refused: 0, acceptedLater: 0, refusedLater: 0, acceptedOfLate: 0 }
  const end = epoch + seconds * 1_000
  for (let now = epoch; now < end; now++) {
    for (let i = running.length - 1; i >= 0; i--) {
      const { answer, endsAt, startedAt } = running[i]!
      if (endsAt > now) continue
      running.splice(i, 1)
      const isLater = now >= epoch + 1_000
      if (answer === undefined) {
        sent.accepted++
        if (isLater) sent.acceptedLater++
        if (now >= end - 60_000) sent.acceptedOfLate++
        state = accepted(state, declared, 1, now)
      } else {
        sent.refused++
        if (isLater) sent.refusedLater++
        begun--
        heldBackUntil = Math.max(heldBackUntil, now + answer * 1_000)
        state = refused(state, declared, startedAt, now + answer * 1_000, now)
      }
    }
    while (running.length < slots && begun < ((now - epoch) * demand) / 1_000 && heldBackUntil <= now) {
      const rate = adaptive ? adaptedRate(state, declared) : declared
      if (rate !== undefined) {
        if (allowedAt(rate, tat, now, 1) > now) break
        tat = charged(rate, tat, now, 1)
      }
      begun++
      running.push({ endsAt: now + latencyMs * (0.5 + random.next()), startedAt: now, answer: side.ask(now) })
    }
  }
  return { ...sent, state }
}

const declared: Rate = { limit: 100, perMs: 1_000 }
const fifty = () => 50

describe("the adaptive rate", () => {
  const sides: ReadonlyArray<readonly [string, () => OtherSide]> = [
    ["50 in each second", () => fixedWindow(fifty)],
    ["50 in each second, which began half a second before", () => fixedWindow(fifty, 1_000, 500)],
    ["50 in any second", () => slidingWindow(fifty)],
    ["a bucket of 50 that fills with 50 a second", () => tokenBucket(fifty, 50)]
  ]
  for (const [name, side] of sides) {
    it(`sends 100 a second to ${name}: at most one refusal for 50 accepted after the first second, and 4 of 5 used`, () => {
      for (const latencyMs of [20, 50, 100]) {
        for (const rate of [declared, undefined]) {
          const sent = send({ side: side(), declared: rate, seconds: 60, latencyMs })
          assert.isAtMost(sent.refusedLater * 50, sent.acceptedLater)
          assert.isAtLeast(sent.accepted, 0.8 * 50 * 60)
        }
      }
    })
  }

  it("without it, held back alone, refuses several times as many", () => {
    const held = send({ side: fixedWindow(fifty), declared, seconds: 60, adaptive: false })
    assert.isAbove(held.refusedLater * 50, 2 * held.acceptedLater)
  })

  it("finds out when more is taken, and when less is", () => {
    /** Takes so many a second, and after a minute so many others. */
    const changing = (first: number, then: number): OtherSide => {
      let limit = first
      const side = fixedWindow(() => limit)
      return {
        ask: (now) => {
          if (now >= epoch + 60_000) limit = then
          return side.ask(now)
        }
      }
    }
    const more = send({ side: changing(50, 90), seconds: 240 })
    assert.isAtLeast(more.acceptedOfLate, 0.8 * 90 * 60)
    const less = send({ side: changing(90, 20), seconds: 240 })
    assert.isAtLeast(less.acceptedOfLate, 0.7 * 20 * 60)
    assert.isAtMost(less.refused * 50, less.accepted)
  })

  it("finds a limit of its own period: 60 a minute, of which it learns by refusals of a minute", () => {
    const sent = send({ side: fixedWindow(() => 60, 60_000), declared, seconds: 900 })
    assert.isAtLeast(sent.acceptedOfLate, 40)
    assert.isAtMost(sent.refused, 60)
  })

  it("is what is declared until something is refused, and no bound where nothing is declared", () => {
    assert.deepStrictEqual(adaptedRate(newAdaptive, declared), declared)
    assert.isUndefined(adaptedRate(newAdaptive, undefined))
    const taking = accepted(newAdaptive, declared, 1, epoch)
    assert.deepStrictEqual(adaptedRate(taking, declared), declared)
  })

  it("learns from the first of the refusals of what had started together", () => {
    let state = newAdaptive
    for (let i = 0; i < 50; i++) state = accepted(state, declared, 1, epoch + i * 10)
    const first = refused(state, declared, epoch + 490, epoch + 1_500, epoch + 500)
    let all = first
    for (let i = 1; i < 10; i++) all = refused(all, declared, epoch + 490 + i, epoch + 2_000, epoch + 500 + i)
    assert.strictEqual(all.taken, first.taken)
    assert.strictEqual(all.openAt, epoch + 2_000)
  })

  for (const seed of seeds(5)) {
    it(`stays above nothing and at most at what is declared, whatever is said to it (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const rate: Rate | undefined =
        random.next() < 0.3 ? undefined : { limit: 1 + random.below(1_000), perMs: 1 + random.below(3_600_000) }
      let state = newAdaptive
      let now = epoch
      for (let i = 0; i < 2_000; i++) {
        now += random.below([0, 1, 50, 5_000, 10_000_000][random.below(5)]! + 1)
        const before = state
        if (random.next() < 0.7) state = accepted(state, rate, random.next() * 10 + 0.001, now)
        else {
          const startedAt = now - random.below(10_000)
          state = refused(state, rate, startedAt, now + random.below(100_000), now)
          if (before.taken > 0 && startedAt >= before.refusedAt)
            assert.isAtMost(adaptedRate(state, rate)!.limit, adaptedRate(before, rate)!.limit)
        }
        const inForce = adaptedRate(state, rate)
        if (inForce === undefined) continue
        assert.isTrue(Number.isFinite(inForce.limit) && inForce.limit > 0)
        if (rate !== undefined)
          assert.isAtMost(inForce.limit / inForce.perMs, (rate.limit / rate.perMs) * (1 + Number.EPSILON * 4))
        if (i % 100 === 0) assert.deepStrictEqual(JSON.parse(JSON.stringify(state)), state)
      }
    })
  }
})
