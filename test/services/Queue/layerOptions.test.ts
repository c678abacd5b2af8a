/**
 * Numbers and times of layers and of settings that processes have: each refused by its name in one line, or within its
 * bounds.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, type Context, Duration, Effect, Exit, Layer } from "effect"
import { AlertLayers } from "../../../src/services/Alerts/index.ts"
import { InvalidSetting } from "../../../src/services/Queue/InvalidSetting.ts"
import * as AlertSettings from "../../../src/services/Alerts/AlertSettings.ts"
import { Sluice } from "../../../src/services/Queue/index.ts"
import * as Placements from "../../../src/services/Queue/Placements.ts"
import * as ProfilerSettings from "../../../src/services/Profiling/ProfilerSettings.ts"
import * as ScaleSettings from "../../../src/services/Scaling/ScaleSettings.ts"
import { refusedAs } from "../../support/doors/Refused.ts"
import { OutOfBounds } from "../../../src/services/Queue/policy/Bounds.ts"

type Build = (option: object) => unknown

const layers: Readonly<Record<string, Build>> = {
  layerSqlite: (option) => Sluice.layerSqlite({ path: "jobs.db", ...option }),
  layerMemory: (option) => Sluice.layerMemory(option),
  layerCommandActuator: (option) => Sluice.layerCommandActuator({ run: ["true"], cwd: "/", env: {}, ...option }),
  profiler: (option) => ProfilerSettings.check({ ...ProfilerSettings.defaults, ...option }),
  placements: (option) => Placements.checkPlacementSettings({ ...Placements.placementDefaults, ...option }),
  scaler: (option) => ScaleSettings.checkScaler({ ...ScaleSettings.scalerDefaults, ...option }),
  alerts: (option) => AlertSettings.check({ ...AlertSettings.defaults, ...option })
}

/** Of no number and no time. */
const never: ReadonlyArray<unknown> = [
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  -1,
  -0.5,
  -(2 ** 53),
  -Number.MAX_VALUE,
  null,
  true,
  "",
  "abc",
  "-1 seconds",
  "1 century",
  [],
  [1],
  {},
  { second: 5 },
  new Map(),
  Symbol("s"),
  () => 1,
  Duration.millis(-1),
  new Date(5)
]

/** Of no whole number either. */
const notWhole = [...never, 10n, 0.5, 1.5, Number.POSITIVE_INFINITY, 2 ** 53, 2 ** 53 + 2, 1e300, "5", "1 second"]
const notFinite = [
  ...never,
  "Infinity",
  Number.POSITIVE_INFINITY,
  Duration.infinity,
  Number.MAX_VALUE,
  2 ** 53,
  "40000 days"
]

type Row = readonly [layer: string, option: string, refused: ReadonlyArray<unknown>, taken: ReadonlyArray<unknown>]

const rows: ReadonlyArray<Row> = [
  ["layerSqlite", "maxLive", [...notWhole, 0, -0], [1, 2 ** 53 - 1]],
  ["layerSqlite", "busyTimeoutMs", [...notWhole, 60_001], [0, -0, 60_000]],
  ["layerSqlite", "reserveBytes", [...notWhole, 2 ** 30 + 1], [0, -0, 2 ** 30]],
  ["layerMemory", "maxLive", [...notWhole, 0], [1, 2 ** 53 - 1]],
  ["layerMemory", "maxFinished", notWhole, [0, -0, 2 ** 53 - 1]],
  ["layerMemory", "maxLogLines", notWhole, [0, -0, 2 ** 53 - 1]],
  ["layerCommandActuator", "timeout", [...notFinite, 0, "2 hours"], [1, 0.5 + 0.5, "1 hour", Duration.minutes(5)]],
  ["layerCommandActuator", "outputLimitBytes", [...notWhole, 2 ** 20 + 1], [0, 2 ** 20]],
  ["profiler", "slowTask", [...never, Number.MAX_VALUE, "40000 days"], [0, -0, 500, Duration.infinity, "1 minute"]],
  [
    "profiler",
    "sampleInterval",
    [...notFinite, 0, Duration.micros(49n), "2 seconds"],
    [Duration.micros(50n), 0.5, 1000]
  ],
  ["profiler", "allocationInterval", [...notWhole, 0, 1023, 2 ** 30 + 1], [1024, 2 ** 30]],
  ["placements", "every", [...notFinite, 0, 99], [100, "1 minute", Duration.seconds(30)]],
  ["scaler", "round", [...notFinite, 0, 9], [10, "1 minute"]],
  ["scaler", "carry", [...notFinite, 0, 9], [10, "1 minute"]],
  ["scaler", "roundMost", [...notFinite, 0, 9], [10, "1 minute"]],
  ["scaler", "settle", notFinite, [0, -0, 1.5, "1 minute"]],
  ["scaler", "save", notFinite, [0, "1 day"]],
  ["scaler", "decisionsKept", [...notWhole, 0, 1_000_001], [1, 1_000_000]],
  ["scaler", "rebuildShare", [...never, 0, 1.1, Number.POSITIVE_INFINITY, "0.5"], [0.001, 0.5, 1]],
  ["alerts", "interval", [...notFinite, 0, 99], [100, "15 seconds"]],
  ["alerts", "remind", [...never, 0, 999, "40000 days"], [1000, "4 hours", Duration.infinity]],
  ["alerts", "sendTimeout", [...notFinite, 0, "2 hours"], [1, "1 hour"]],
  ["alerts", "tries", [...notWhole, 0, 1001], [1, 1000]]
]

/** What is no number. */
const others: ReadonlyArray<Row> = [
  ["layerSqlite", "path", [undefined, null, "", "a\0b", 5, new URL("file:///jobs.db")], ["jobs.db", "./é"]],
  ["layerSqlite", "durability", ["none", "Full", null, 1], ["full", "relaxed"]],
  ["layerSqlite", "thread", ["false", 0, null], [true, false]],
  ["layerSqlite", "shared", ["on", 1, null], [true, false]],
  ["layerSqlite", "busyTimeout", [5], []],
  ["layerMemory", "maxlive", [5], []],
  [
    "layerCommandActuator",
    "run",
    [[1], { shell: 5 }, { command: "x" }, "true", null],
    [["true", ""], { shell: "true" }]
  ],
  ["layerCommandActuator", "cwd", [undefined, 5, "a\0b"], ["/"]],
  ["layerCommandActuator", "env", [null, new Map(), { A: 5 }, { A: "\0" }], [{ A: "" }]],
  ["layerCommandActuator", "groups", ["network", ["no name"], [5]], [["network"], []]],
  ["profiler", "enabled", ["yes", null], [true, false]],
  ["profiler", "slowTasks", [null, [], new Map(), { "no name": 5 }, { mail: "soon" }], [{ mail: 5 }, {}]],
  ["placements", "mode", ["auto", null], ["on", "advise", "off"]],
  ["scaler", "leads", ["yes", 1], [true, false]],
  ["alerts", "log", ["yes", null], [true, false, () => undefined]],
  ["alerts", "command", ["true", [1], ["a\0b"], {}], [["true", ""], undefined]],
  ["alerts", "webhooks", [null, "x", [null], [{}]], [[], [{ url: "https://example.org" }]]],
  ["alerts", "webhookHosts", ["example.org", [5]], [["example.org"]]],
  ["alerts", "timeZone", [5, null, undefined], ["UTC"]],
  ["alerts", "resolve", ["dns", null], [undefined, () => Promise.resolve([])]],
  ["alerts", "intervall", [5], []]
]

/** What a layer says as it is built. */
const builtWith = <A, E, R>(layer: Layer.Layer<A, E>, settings: Context.Key<R, R>, given: NoInfer<R>) =>
  Effect.map(
    Effect.exit(Effect.scoped(Layer.build(layer.pipe(Layer.provide(Layer.succeed(settings, given)))))),
    (exit) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)
  )

describe("settings out of range", () => {
  const worker = Sluice.layerScaler().pipe(
    Layer.provideMerge(Sluice.layerWorker()),
    Layer.provideMerge(Sluice.layerMemory())
  )
  const watching = AlertLayers.layer.pipe(Layer.provideMerge(Sluice.layerMemory()))

  it.effect("are what worker and scaler die of as they are built, and alerts fail with", () =>
    Effect.gen(function* () {
      const died = [
        yield* builtWith(worker, ProfilerSettings.Settings, { ...ProfilerSettings.defaults, allocationInterval: 0 }),
        yield* builtWith(worker, Placements.PlacementSettings, { mode: "on", every: Duration.zero }),
        yield* builtWith(worker, ScaleSettings.Scaler, { ...ScaleSettings.scalerDefaults, rebuildShare: Number.NaN })
      ]
      for (const error of died) assert.instanceOf(error, InvalidSetting)
      assert.deepStrictEqual(
        died.map((error) => (error as Error).message.split(";")[0]),
        [
          "Profiler setting allocationInterval is 0",
          "Placement setting every is 0",
          "Scaler setting rebuildShare is NaN"
        ]
      )
      const failed = yield* builtWith(watching, AlertSettings.Settings, { ...AlertSettings.defaults, tries: 0.5 })
      assert.instanceOf(failed, AlertSettings.SettingsUnusable)
      assert.match((failed as Error).message, /^Alert setting tries is 0.5; expected a whole number from 1 to 1,000$/)
    })
  )
})

describe("options of layers", () => {
  for (const [layer, option, refused, taken] of [...rows, ...others]) {
    it(`${option} of ${layer} is refused by its name, or taken`, () => {
      for (const value of refused) {
        const error = refusedAs(() => layers[layer]!({ [option]: value }), OutOfBounds)
        assert.isDefined(error, `${String(value)} was taken`)
        assert.include(error!.message, option)
      }
      for (const value of taken)
        assert.isUndefined(
          refusedAs(() => layers[layer]!({ [option]: value }), OutOfBounds),
          String(value)
        )
    })
  }
})
