import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import {
  type Decision,
  decisionsOf,
  recommend,
  Recommendation
} from "../../../../src/services/Scaling/act/Recommendation.ts"
import type { GroupScaling, ScalerStatus } from "../../../../src/services/Scaling/LoadPrediction.ts"
import { exposition } from "../../../../src/services/Scaling/act/ScalerExposition.ts"

const now = Date.parse("2026-03-01T12:00:00Z")

const decision = (over: Partial<Decision> = {}): Decision => ({
  group: "network",
  mode: "on",
  desired: 12,
  current: 8,
  bounds: { min: 1, max: 40 },
  reason: "41 arrivals expected within the start-up time",
  forecast: { arrivalsPerSecond: { mean: 4.1, p90: 5.5 }, model: "ridge", mase: 0.7, distrust: null },
  decidedAt: now - 10_000,
  validUntil: now + 50_000,
  ...over
})

describe("the recommendation", () => {
  it.effect("fits its schema, groups by name, and says what to act on", () =>
    Effect.gen(function* () {
      const said = recommend([decision(), decision({ group: "computation", desired: 0 })], now)
      const back = yield* Schema.decodeUnknownEffect(Recommendation)(
        JSON.parse(JSON.stringify(yield* Schema.encodeEffect(Recommendation)(said)))
      )
      assert.deepStrictEqual(back, said)
      assert.deepStrictEqual(
        back.groups.map(({ desired, group }) => [group, desired]),
        [
          ["computation", 0],
          ["network", 12]
        ]
      )
      assert.strictEqual(back.groups[1]!.validUntil, "2026-03-01T12:00:50.000Z")
    })
  )

  it("leaves nothing to act on in shadow mode, when off, and once it has run out", () => {
    for (const over of [{ mode: "shadow" }, { mode: "off" }, { validUntil: now }] as const) {
      const [group] = recommend([decision(over)], now).groups
      assert.deepInclude(group!, { desired: null, recommended: 12 })
    }
  })
})

describe("the decisions in force", () => {
  const scaling: GroupScaling = {
    group: "network",
    mode: "on",
    slots: 8,
    target: 12,
    minSlots: 1,
    maxSlots: 40,
    pending: 3,
    running: 8,
    oldestMs: 10,
    next: undefined,
    quality: undefined,
    distrust: "cold",
    last: undefined,
    held: 0
  }
  const status = (groups: ReadonlyArray<GroupScaling>, roundAt: number | undefined): ScalerStatus => ({
    at: now,
    leader: roundAt === undefined ? undefined : { name: "a", session: 1, roundAt },
    frozen: undefined,
    groups
  })

  it("are those of groups that are not off and were decided for", () => {
    const groups = [
      scaling,
      { ...scaling, group: "off", mode: "off" },
      { ...scaling, group: "new", target: undefined }
    ] as const
    const decisions = decisionsOf(status(groups, now - 5000), [])
    assert.deepStrictEqual(
      decisions.map(({ desired, forecast, group, validUntil }) => [group, desired, forecast.distrust, validUntil]),
      [["network", 12, "cold", now + 175_000]]
    )
  })

  it("stand for three minutes after the leader's last sign, and not at all without one", () => {
    const desired = (roundAt: number | undefined) =>
      recommend(decisionsOf(status([scaling], roundAt), []), now).groups[0]!.desired
    assert.strictEqual(desired(now - 179_999), 12)
    assert.isNull(desired(now - 180_000))
    assert.isNull(desired(undefined))
  })
})

/** Samples by series, as Prometheus reads the text format: name, labels, value. */
const parse = (text: string): ReadonlyMap<string, number> => {
  const series = new Map<string, number>()
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# ")) continue
    const [, name, labels = "", value] =
      /^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\["\\n])*",?)*)\})? (\S+)$/.exec(line) ?? []
    assert.isDefined(value, `no sample: ${line}`)
    const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\["\\n])*)"/g)].map(([, key, escaped]) => [
      key,
      escaped!.replaceAll(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char))
    ])
    const key = JSON.stringify([name, Object.fromEntries(pairs)])
    assert.isFalse(series.has(key), `twice: ${key}`)
    series.set(key, Number(value))
  }
  return series
}

const desiredOf = (text: string, group: string, mode = "on") =>
  parse(text).get(JSON.stringify(["sluice_scaler_desired_workers", { group, mode }]))

describe("the exposition", () => {
  it.effect("is read back as it was said", () =>
    Effect.gen(function* () {
      const text = yield* exposition([decision(), decision({ group: "computation", desired: 3 })], now)
      assert.strictEqual(desiredOf(text, "network"), 12)
      assert.strictEqual(desiredOf(text, "computation"), 3)
      assert.match(text, /^# TYPE sluice_scaler_desired_workers gauge$/m)
      assert.strictEqual(
        parse(text).get(
          JSON.stringify(["sluice_forecast_arrivals_per_second", { group: "network", quantile: "0.9", horizon: "1" }])
        ),
        5.5
      )
      assert.strictEqual(parse(text).get(JSON.stringify(["sluice_scaler_slots", { group: "network" }])), 8)
    })
  )

  it.effect("marks shadow mode and leaves out what has run out, so that no autoscaler follows either", () =>
    Effect.gen(function* () {
      const shadow = yield* exposition([decision({ mode: "shadow" })], now)
      assert.isUndefined(desiredOf(shadow, "network", "on"))
      assert.strictEqual(desiredOf(shadow, "network", "shadow"), 12)
      const old = yield* exposition([decision({ validUntil: now })], now)
      assert.notInclude(old, "sluice_scaler_desired_workers{")
      assert.include(old, "sluice_scaler_decision_timestamp_seconds{")
    })
  )

  for (const group of [
    'a"} 9\nsluice_scaler_desired_workers{group="other",mode="on"} 999',
    "back\\slash\\",
    "\\n",
    "tab\tcr\rescape\u001B[31m",
    "nul\0byte",
    "half\uD800pair",
    "__proto__",
    "группа/日本",
    ""
  ]) {
    it.effect(`keeps a hostile name inside its label: ${JSON.stringify(group)}`, () =>
      Effect.gen(function* () {
        const text = yield* exposition([decision({ group })], now)
        const said = group.replaceAll("\0", "\uFFFD").toWellFormed()
        assert.strictEqual(desiredOf(text, said), 12)
        assert.isUndefined(desiredOf(text, "other"))
      })
    )
  }
})
