import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { JobStore, Rehearsal, ScaleSettings, Sluice } from "../../../../src/services/Queue/index.ts"
import { storeLoad, syntheticCounts } from "../../../support/scaler/SyntheticLoad.ts"
import { temporaryFolder } from "../../../cli/CommandLine.ts"

const minute = 60_000
const start = Date.parse("2026-11-03T14:00:00Z")
const steps = 130
const to = start + steps * minute
const counts = syntheticCounts({ start, stepMs: minute, steps, mean: 8 })

const options: Rehearsal.RehearsalOptions = {
  group: "mail",
  settings: { ...ScaleSettings.defaults, stepMs: minute },
  minSlots: 1,
  maxSlots: 20,
  slots: 5,
  startupMs: 120_000,
  steps: 40,
  horizon: 10,
  every: 5,
  to
}

/** Of a store that remembers these counts, of jobs of half a minute. */
const rehearsed = (counts: ReadonlyArray<number | undefined>, more: Partial<Rehearsal.RehearsalOptions> = {}) =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const file = `${folder}/jobs.db`
    const onStore = Effect.provide(Sluice.layerSqlite({ path: file, thread: false }))
    yield* onStore(JobStore.use((store) => store.status))
    storeLoad(file, { group: "mail", task: "send", stepMs: minute, start, counts, runMs: 30_000 })
    return yield* onStore(Rehearsal.rehearse({ ...options, ...more }))
  }).pipe(Effect.scoped)

const of = (rehearsal: Rehearsal.Rehearsal, policy: Rehearsal.RehearsedPolicy["policy"]) =>
  rehearsal.replay!.policies.find((each) => each.policy === policy)!.result

describe("a rehearsal", () => {
  it.effect("lets every policy serve the same jobs, within the bounds", () =>
    Effect.gen(function* () {
      const rehearsal = (yield* rehearsed(counts))!
      assert.strictEqual(rehearsal.from, to - 40 * minute)
      assert.strictEqual(rehearsal.learnedFrom, 90)
      assert.strictEqual(rehearsal.replay!.waitMs, 3000)
      assert.approximately(rehearsal.replay!.serviceMs, 30_000, 1)
      const arrived = counts.slice(-40).reduce((sum, count) => sum + count, 0)
      for (const { result } of rehearsal.replay!.policies) {
        assert.strictEqual(result.jobs, arrived)
        for (const { slots } of result.steps) assert.isTrue(slots >= 1 && slots <= 20)
      }
      assert.strictEqual(of(rehearsal, "fixed").meanSlots, 5)
      assert.isAtMost(of(rehearsal, "fixed in hindsight").late, options.settings.lateShare)
    })
  )

  it.effect("knows at no moment what comes after it", () =>
    Effect.gen(function* () {
      const other = counts.map((count, i) => (i < steps - 10 ? count : 5 * count + 100))
      const [before, after] = [(yield* rehearsed(counts))!, (yield* rehearsed(other))!]
      const untouched = 40 - 10
      for (const policy of ["scaler", "reactive", "fixed"] as const) {
        assert.deepStrictEqual(
          of(after, policy).steps.slice(0, untouched),
          of(before, policy).steps.slice(0, untouched),
          policy
        )
      }
      assert.notDeepEqual(of(after, "scaler").steps, of(before, "scaler").steps)
      const early = ({ backtest }: Rehearsal.Rehearsal) =>
        backtest.steps.slice(0, untouched).map(({ forecast }) => forecast)
      assert.deepStrictEqual(early(after), early(before))
    })
  )

  it.effect("leaves the fixed slots of hindsight out when the most allowed would not have done", () =>
    Effect.gen(function* () {
      const rehearsal = (yield* rehearsed(counts, { maxSlots: 2 }))!
      assert.deepStrictEqual(
        rehearsal.replay!.policies.map(({ policy }) => policy),
        ["scaler", "reactive", "fixed"]
      )
      assert.isAtMost(of(rehearsal, "scaler").mostSlots, 2)
    })
  )

  it.effect("has nothing to say of a past in which nothing came, and no slots where nobody was there", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* rehearsed(counts.map(() => 0)))
      const gone = (yield* rehearsed(counts.map((count, i) => (i < steps - 50 ? count : undefined))))!
      assert.isUndefined(gone.replay)
      assert.strictEqual(gone.backtest.scored, 0)
    })
  )
})
