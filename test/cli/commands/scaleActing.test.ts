import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import path from "node:path"
import { workloadIn } from "../../../src/cli/worker/ScaleActuators.ts"
import { PredictiveScaler, ShellTask, Sluice } from "../../../src/services/Queue/index.ts"
import * as CommandLine from "../CommandLine.ts"

const limit = { timeout: 60_000 }

describe("what the scaler acts on, from the command line", () => {
  it.live(
    "is refused in one line when it cannot be",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const store = path.join(folder, "queue.db")
        for (const [args, env, said] of [
          [["--processes", "2", "--min", "1"], {}, /--min and --max bound --processes auto/],
          [["--max", "3"], {}, /--min and --max bound --processes auto/],
          [["--processes", "auto", "--min", "3", "--max", "2"], {}, /--min is 3 and --max is 2; expected 1 to 999/],
          [["--processes", "auto", "--min", "0"], {}, /--min is 0/],
          [
            [],
            { SLUICE_SCALE_COMMAND: "notify 'open" },
            /^sluice: scaleCommand \(SLUICE_SCALE_COMMAND\): .*never closed/
          ],
          [
            ["-g", "network=2"],
            { SLUICE_SCALE_WORKLOAD: "pod/x" },
            /scaleWorkload .*"pod\/x"; expected deployment\/NAME/
          ],
          [[], { SLUICE_SCALE_WORKLOAD: "deployment/x" }, /slots of one replica; name them/],
          [
            ["-g", "network=2"],
            { SLUICE_SCALE_WORKLOAD: "deployment/x" },
            /scaleWorkload \(SLUICE_SCALE_WORKLOAD\): KUBERNETES_SERVICE_HOST is not set/
          ]
        ] as const) {
          const ended = yield* call(["worker", "--store", store, ...args], { env })
          assert.strictEqual(ended.code, 2, ended.stderr)
          assert.match(ended.stderr, said)
          assert.match(ended.stderr, /^sluice: [^\n]+\n$/)
        }
      }).pipe(Effect.scoped),
    limit
  )

  it("is a workload as Kubernetes names them", () => {
    assert.deepStrictEqual(workloadIn("deployment/workers"), { kind: "deployments", name: "workers" })
    assert.deepStrictEqual(workloadIn(" deployment/workers=1..20  network=10 mail=3 "), {
      kind: "deployments",
      name: "workers",
      slots: { network: 10, mail: 3 },
      minReplicas: 1,
      maxReplicas: 20
    })
    for (const wrong of ["network", "network=0", "network=x", "=3", "*=3", "a b=3"])
      assert.isUndefined(workloadIn(`deployment/workers ${wrong}`), wrong)
    assert.deepStrictEqual(workloadIn("statefulsets/jobs/w.2-x=0..12"), {
      kind: "statefulsets",
      namespace: "jobs",
      name: "w.2-x",
      minReplicas: 0,
      maxReplicas: 12
    })
    for (const wrong of [
      "workers",
      "deployment/",
      "deployment/A",
      "deployment/a/../b",
      "deployment/a=3..2",
      "deployment/a=0..0",
      "deployment/-a",
      "deployment/a?b",
      "daemonset/a"
    ])
      assert.isUndefined(workloadIn(wrong), wrong)
  })
})

describe("sluice scale recommendation", () => {
  it.live(
    "says what others should act on, in JSON, as gauges and to people",
    () =>
      Effect.gen(function* () {
        const { call, folder, json } = yield* CommandLine.make
        const store = path.join(folder, "queue.db")
        const args = ["scale", "recommendation", "--store", store]
        yield* call(["queue", "pause", "network", "computation", "--store", store])
        // Decided is for groups that have had jobs.
        for (const group of ["network", "computation"])
          yield* call(["add", "-g", group, "--store", store, "--", "true"])
        assert.match((yield* call(args)).stderr, /nothing is decided yet/)
        const leading = Sluice.layerScaler().pipe(
          Layer.provideMerge(Sluice.layerWorker({ slots: { network: 10 } })),
          Layer.provide(Sluice.layerShell(ShellTask.shell)),
          Layer.provide(Sluice.layerSqlite({ path: store, thread: false }))
        )
        yield* call(["scale", "set", "network", "--mode", "on", "--min", "3", "--store", store])
        // The worker has to join and take the lead first.
        yield* Effect.gen(function* () {
          const scaler = yield* PredictiveScaler
          for (;;) {
            yield* scaler.scalePreemptively
            const { groups, leader } = yield* scaler.status
            if (leader !== undefined && groups.some(({ group, target }) => group === "network" && target !== undefined))
              break
            yield* Effect.sleep("20 millis")
          }
        }).pipe(Effect.provide(leading))

        const [said] = yield* json([...args, "--json"])
        const groups = new Map(said.groups.map((each: { readonly group: string }) => [each.group, each]))
        const network: any = groups.get("network")
        assert.isAtLeast(network.desired, 3)
        assert.deepInclude(network, { mode: "on", recommended: network.desired, bounds: { min: 3, max: 10 } })
        assert.deepInclude(groups.get("computation") as object, { mode: "shadow", desired: null })
        const gauges = (yield* call([...args, "--prometheus"])).lines
        assert.include(gauges, `sluice_scaler_desired_workers{group="network",mode="on"} ${network.desired}`)
        assert.match((yield* call(args)).lines[0]!, /^group +mode +act on +decided/)
        assert.strictEqual((yield* call([...args, "--json", "--prometheus"])).code, 2)
      }).pipe(Effect.scoped),
    limit
  )
})
