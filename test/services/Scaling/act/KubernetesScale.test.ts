import { assert, describe, it } from "@effect/vitest"
import { Clock, type Duration, Effect, Layer, type Scope } from "effect"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { rootCertificates } from "node:tls"
import type { Actuator, GroupTarget, OrderStatus } from "../../../../src/services/Scaling/act/Actuator.ts"
import * as AskedReplicas from "../../../../src/services/Scaling/act/AskedReplicas.ts"
import * as KubernetesApi from "../../../../src/services/Scaling/act/KubernetesApi.ts"
import * as KubernetesScale from "../../../../src/services/Scaling/act/KubernetesScale.ts"
import * as JobStoreMemory from "../../../../src/services/Store/memory/JobStoreMemory.ts"
import { temporaryFolder } from "../../../cli/CommandLine.ts"
import * as ApiServer from "../../../support/kubernetes/ApiServer.ts"
import { type Store, store as wholeStore } from "../../../../src/services/Store/Store.ts"

const target = (desired: number, group = "network"): GroupTarget => ({
  group,
  desired,
  current: 0,
  reason: "load",
  decidedAt: 0
})

const workers: KubernetesScale.ScaledWorkload = {
  kind: "deployments",
  name: "workers",
  slots: { network: 10 },
  maxReplicas: 8
}
const key = "jobs/deployments/workers"

interface Scene {
  readonly api: ApiServer.ApiServer
  readonly actuator: Actuator
  readonly store: Store
  /** Places the order until it is in this state. */
  readonly until: (
    state: "settled" | "failing",
    ...targets: ReadonlyArray<GroupTarget>
  ) => Effect.Effect<ReadonlyArray<OrderStatus>>
}

const scenario = (
  name: string,
  body: (scene: Scene) => Effect.Effect<void, unknown, Scope.Scope>,
  workloads: ReadonlyArray<KubernetesScale.ScaledWorkload> = [workers],
  timeout: Duration.Input = "10 seconds"
) =>
  it.live(
    name,
    () =>
      Effect.gen(function* () {
        const api = yield* ApiServer.start(yield* temporaryFolder)
        api.objects.set(key, { replicas: 1, version: 100 })
        api.objects.set("other/statefulsets/shards", { replicas: 2, version: 7 })
        const cluster = KubernetesApi.layerInCluster({
          env: api.env,
          accountFolder: api.accountFolder,
          timeout
        })
        const actuator = yield* KubernetesScale.make(workloads).pipe(Effect.provide(cluster))
        const until: Scene["until"] = (state, ...targets) =>
          Effect.gen(function* () {
            for (;;) {
              const orders = yield* actuator.apply(targets)
              if (orders.every((order) => order.state === state)) return orders
              yield* Effect.sleep("5 millis")
            }
          })
        yield* body({ api, actuator, store: yield* wholeStore, until })
      }).pipe(Effect.scoped, Effect.provide(Layer.fresh(JobStoreMemory.layer()))),
    { timeout: 30_000 }
  )

describe("the scale sub-resource", { concurrent: true }, () => {
  scenario("is read and written once per level, rounded up and within the bounds", ({ api, until }) =>
    Effect.gen(function* () {
      yield* until("settled", target(31))
      yield* until("settled", target(31))
      yield* until("settled", target(1000))
      yield* until("settled", target(0))
      assert.deepStrictEqual(api.done, [
        `GET ${key}`,
        `PATCH ${key} 4`,
        `GET ${key}`,
        `PATCH ${key} 8`,
        `GET ${key}`,
        `PATCH ${key} 1`
      ])
    })
  )

  scenario("is not written when it is as it should be", ({ api, until }) =>
    Effect.gen(function* () {
      yield* until("settled", target(10))
      assert.deepStrictEqual(api.done, [`GET ${key}`])
      assert.strictEqual(api.objects.get(key)!.version, 100)
    })
  )

  scenario(
    "may be that of a StatefulSet elsewhere, down to none where that is allowed, for all groups of it together",
    ({ api, until }) =>
      Effect.gen(function* () {
        const shards = "other/statefulsets/shards"
        yield* until("settled", target(4, "computation"), target(5, "filesystem"))
        assert.strictEqual(api.objects.get(shards)!.replicas, 4)
        yield* until("settled", target(0, "computation"), target(0, "filesystem"))
        assert.strictEqual(api.objects.get(shards)!.replicas, 0)
        // The server leaves a zero out.
        yield* until("settled", target(0, "computation"), target(1, "filesystem"))
        assert.strictEqual(api.objects.get(shards)!.replicas, 1)
      }),
    [
      {
        kind: "statefulsets",
        name: "shards",
        namespace: "other",
        slots: { computation: 1, filesystem: 5 },
        minReplicas: 0
      }
    ]
  )

  scenario("is read anew when someone else was faster", ({ api, until }) =>
    Effect.gen(function* () {
      let times = 2
      api.beforePatch = (at) => {
        if (times-- > 0) api.objects.get(at)!.version++
      }
      yield* until("settled", target(31))
      assert.strictEqual(api.objects.get(key)!.replicas, 4)
    })
  )

  scenario("that is changed all the time says so, and is tried again later", ({ api, until }) =>
    Effect.gen(function* () {
      api.beforePatch = (at) => {
        api.objects.get(at)!.version++
      }
      const [order] = yield* until("failing", target(31))
      assert.strictEqual(order!.failure!.reason._tag, "ActuatorConflict")
      assert.strictEqual(api.objects.get(key)!.replicas, 1)
      api.beforePatch = () => {}
      yield* until("settled", target(31))
    })
  )

  for (const [name, fault, tag, said] of [
    [
      "a fault of the server",
      { status: 503, body: "<html>upstream\u001B[31m</html>" },
      "ActuatorUnreachable",
      /answered 503: <html>/
    ],
    ["a dropped connection", "reset", "ActuatorUnreachable", /cannot be reached/],
    ["no answer in time", "hang", "ActuatorTimedOut", /had not answered after 1s/],
    ["an answer that is no Scale", { status: 200, body: "[]" }, "ActuatorFailed", /no Scale: \[\]/],
    [
      "a refusal",
      { status: 422, body: '{"message":"spec.replicas: too many"}' },
      "ActuatorFailed",
      /422 .*: spec.replicas: too many/
    ]
  ] as const) {
    scenario(
      `answers ${name} with a reason, and goes on when it has passed`,
      ({ api, until }) =>
        Effect.gen(function* () {
          api.faults.push(fault)
          const [order] = yield* until("failing", target(31))
          assert.strictEqual(order!.failure!.reason._tag, tag)
          assert.match(order!.failure!.message, said)
          yield* until("settled", target(31))
          assert.strictEqual(api.objects.get(key)!.replicas, 4)
        }),
      [workers],
      fault === "hang" ? "1 second" : undefined
    )
  }

  scenario("waits as long as the server asks", ({ api, until }) =>
    Effect.gen(function* () {
      api.faults.push({ status: 429, headers: { "retry-after": "2" } })
      const began = yield* Clock.currentTimeMillis
      const [order] = yield* until("failing", target(31))
      assert.deepInclude(order!.failure!.reason, { _tag: "ActuatorThrottled", retryAfterMs: 2000 })
      yield* until("settled", target(31))
      assert.isAtLeast((yield* Clock.currentTimeMillis) - began, 2000)
    })
  )

  scenario("waits no longer than minutes, whatever the server asks", ({ api, until }) =>
    Effect.gen(function* () {
      api.faults.push({ status: 429, headers: { "retry-after": "999999" } })
      const [order] = yield* until("failing", target(31))
      assert.deepInclude(order!.failure!.reason, { retryAfterMs: 300_000 })
    })
  )

  scenario("names what has to be granted, and what does not exist", ({ api, until }) =>
    Effect.gen(function* () {
      api.verbs.delete("patch")
      const [forbidden] = yield* until("failing", target(31))
      assert.strictEqual(forbidden!.failure!.reason._tag, "ActuatorDenied")
      assert.match(
        forbidden!.failure!.message,
        /^not allowed to patch deployments\/scale in namespace jobs; grant it with a Role: .*cannot patch resource/
      )
      api.verbs.add("patch")
      api.objects.delete(key)
      const missing = Effect.map(
        until("failing", target(31)),
        ([order]) => order!.failure!.reason._tag === "ActuatorTargetMissing"
      )
      while (!(yield* missing)) yield* Effect.sleep("5 millis")
    })
  )

  scenario("is asked with the token as its file has it now", ({ api, until }) =>
    Effect.gen(function* () {
      yield* until("settled", target(31))
      api.tokens.clear()
      api.tokens.add("second")
      const [order] = yield* until("failing", target(41))
      assert.deepInclude(order!.failure!.reason, { _tag: "ActuatorDenied" })
      assert.notMatch(order!.failure!.message, /first|second/)
      api.writeToken("second")
      yield* until("settled", target(41))
    })
  )

  scenario(
    "tells what is ready, starting and leaving, and learns how long a start takes",
    ({ actuator, store, until }) =>
      Effect.gen(function* () {
        const join = (name: string, startedAt: number) =>
          store.workers.join(
            { name, host: name, pid: 1, version: "1", slots: { network: 10 }, tasks: [] },
            { now: startedAt, leaseMs: 600_000 }
          )
        const now = yield* Clock.currentTimeMillis
        yield* join("workers-1", now - 1000)
        yield* join("another-1", now - 1000)
        assert.deepStrictEqual(yield* actuator.capacity, [
          { group: "network", ready: 10, starting: 0, draining: 0, most: 80 }
        ])
        yield* until("settled", target(30))
        assert.deepInclude((yield* actuator.capacity)[0]!, { ready: 10, starting: 20 })
        const ordered = yield* Clock.currentTimeMillis
        const second = yield* join("workers-2", ordered + 40_000)
        yield* join("workers-3", ordered + 42_000)
        assert.deepInclude((yield* actuator.capacity)[0]!, { ready: 30, starting: 0 })
        const startUp = (yield* actuator.startUp)!
        assert.strictEqual(startUp.seen, 2)
        assert.isAtLeast(startUp.p90Ms, 42_000)
        yield* until("settled", target(20))
        assert.deepInclude((yield* actuator.capacity)[0]!, { ready: 20, starting: 0, draining: 10 })
        yield* store.workers.drain(second)
        assert.deepInclude((yield* actuator.capacity)[0]!, { ready: 20, starting: 0, draining: 10 })
      })
  )

  scenario("that cannot be reached leaves capacity unknown, with the reason", ({ actuator, api }) =>
    Effect.gen(function* () {
      api.faults.push({ status: 500 })
      const error = yield* Effect.flip(actuator.capacity)
      assert.strictEqual(error.reason._tag, "ActuatorUnreachable")
    })
  )
})

describe("in the cluster", () => {
  it.live("says what a process outside of it lacks", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const build = (env: Record<string, string>) =>
        Effect.flip(Layer.build(KubernetesApi.layerInCluster({ env, accountFolder: folder })))
      assert.match((yield* build({})).message, /KUBERNETES_SERVICE_HOST is not set/)
      assert.match((yield* build({ KUBERNETES_SERVICE_HOST: "127.0.0.1" })).message, /ca\.crt cannot be read/)
    }).pipe(Effect.scoped)
  )

  it.live("does not talk to a server that its authority does not vouch for", () =>
    Effect.gen(function* () {
      const api = yield* ApiServer.start(yield* temporaryFolder)
      api.objects.set(key, { replicas: 1, version: 1 })
      writeFileSync(path.join(api.accountFolder, "ca.crt"), rootCertificates[0]!)
      const cluster = KubernetesApi.layerInCluster({ env: api.env, accountFolder: api.accountFolder })
      const error = yield* KubernetesApi.KubernetesApi.use((kubernetes) =>
        kubernetes.read({ kind: "deployments", namespace: "jobs", name: "workers" })
      ).pipe(Effect.provide(cluster), Effect.flip)
      assert.strictEqual(error.reason._tag, "ActuatorUnreachable")
      assert.strictEqual(api.requests(), 0)
    }).pipe(Effect.scoped)
  )

  it.live("asks for what is named and nothing else, whatever the names hold", () =>
    Effect.gen(function* () {
      const api = yield* ApiServer.start(yield* temporaryFolder)
      const namespace = "../../../../api/v1/namespaces/kube-system/secrets?watch=1#"
      api.objects.set(`${namespace}/deployments/a/b%2f`, { replicas: 3, version: 1 })
      const cluster = KubernetesApi.layerInCluster({ env: api.env, accountFolder: api.accountFolder })
      const { replicas } = yield* KubernetesApi.KubernetesApi.use((kubernetes) =>
        kubernetes.read({ kind: "deployments", namespace, name: "a/b%2f" })
      ).pipe(Effect.provide(cluster))
      assert.strictEqual(replicas, 3)
    }).pipe(Effect.scoped)
  )

  it("reads Retry-After as seconds or as a date", () => {
    assert.strictEqual(KubernetesApi.retryAfterMs("7", 0), 7000)
    assert.strictEqual(
      KubernetesApi.retryAfterMs("Sun, 01 Mar 2026 12:00:10 GMT", Date.parse("2026-03-01T12:00:00Z")),
      10_000
    )
    assert.strictEqual(KubernetesApi.retryAfterMs("Sun, 01 Mar 2026 12:00:10 GMT", Date.parse("2027-01-01")), 0)
    assert.isUndefined(KubernetesApi.retryAfterMs("soon", 0))
    assert.isUndefined(KubernetesApi.retryAfterMs(undefined, 0))
  })
})

describe("asked replicas", () => {
  const worker = (session: number, startedAt: number) => ({ session, startedAt })

  it("are paired with those that come, first asked first served", () => {
    const asked = AskedReplicas.make()
    assert.deepStrictEqual(asked.joined([worker(1, 0)]), [])
    asked.ordered(1, 1000)
    asked.ordered(2, 5000)
    assert.deepStrictEqual(asked.joined([worker(1, 0), worker(2, 31_000)]), [30_000])
    assert.deepStrictEqual(asked.joined([worker(2, 31_000), worker(4, 37_000), worker(3, 36_000)]), [31_000, 32_000])
    assert.deepStrictEqual(asked.joined([worker(5, 90_000)]), [])
  })

  it("that are taken back, or never come, teach nothing", () => {
    const asked = AskedReplicas.make()
    asked.joined([])
    asked.ordered(3, 1000)
    asked.ordered(-2, 2000)
    assert.deepStrictEqual(asked.joined([worker(1, 4000), worker(2, 5000)]), [3000])
    asked.ordered(1, 10_000)
    assert.deepStrictEqual(asked.joined([worker(3, 10_000 + 31 * 60_000)]), [])
    asked.ordered(1, 5_000_000)
    // Its pod replaced one that was lost, before anything was asked.
    assert.deepStrictEqual(asked.joined([worker(4, 4_999_000)]), [])
  })
})
