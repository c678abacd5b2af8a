import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync } from "node:fs"
import { BlockList } from "node:net"
import { ScalingRecommendation, ScalerExposition } from "../../src/services/Queue/index.ts"
import { workloadIn } from "../../src/cli/worker/ScaleActuators.ts"
import { parseDuration } from "../../src/cli/input/DurationInput.ts"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Manifests from "../support/kubernetes/Manifests.ts"

const files = readdirSync(Manifests.file("")).filter((name) => name.endsWith(".yaml"))
const patch = "scale-workers.patch.yaml"
const scalers = [
  ["keda-metrics-api.yaml", "ScaledObject"],
  ["keda-prometheus.yaml", "ScaledObject"],
  ["hpa.yaml", "HorizontalPodAutoscaler"]
] as const

const deployment = Manifests.find("workers.yaml", "Deployment")
const pod = deployment.spec.template.spec
const container = pod.containers[0]
const envIn = (of: Manifests.Manifest, name: string): string =>
  of.env.find((each: Manifests.Manifest) => each.name === name).value
const envOf = (name: string): string => envIn(container, name)

const scaler = Manifests.find("scaler.yaml", "Deployment")
const [scalerContainer] = scaler.spec.template.spec.containers
/** Those that run our image. */
const deployments = [deployment, scaler]

/** The Deployment as `kubectl patch` leaves it: containers and variables are merged by name. */
const patched = () => {
  const merged = structuredClone(deployment)
  const change = Manifests.read(patch)[0].spec.template.spec
  const [added] = change.containers
  merged.spec.template.spec.automountServiceAccountToken = change.automountServiceAccountToken
  const home = merged.spec.template.spec.containers.find((each: Manifests.Manifest) => each.name === added.name)
  assert.deepStrictEqual(Object.keys(change).sort(), ["automountServiceAccountToken", "containers"])
  assert.deepStrictEqual(Object.keys(added).sort(), ["env", "name"])
  home.env.push(...added.env)
  return merged
}

const now = Date.parse("2026-03-01T12:00:00Z")
const decision: ScalingRecommendation.Decision = {
  group: "network",
  mode: "on",
  desired: 120,
  current: 80,
  bounds: { min: 10, max: 200 },
  reason: "load",
  forecast: { arrivalsPerSecond: { mean: 4, p90: 6 }, model: "ridge", mase: 0.7, distrust: null },
  decidedAt: now,
  validUntil: now + 60_000
}

describe("the manifests for Kubernetes", () => {
  for (const name of files.filter((each) => each !== patch)) {
    it(`${name} fits the schemas, without a field they do not know`, () => {
      for (const manifest of Manifests.read(name)) assert.deepStrictEqual(Manifests.faults(manifest), [])
    })
  }

  it(`${patch} leaves a Deployment that fits`, () => assert.deepStrictEqual(Manifests.faults(patched()), []))

  it("would not pass with a field misspelt, missing or of another type", () => {
    const broken = (change: (manifest: Manifests.Manifest) => void): string => {
      const copy = structuredClone(deployment)
      change(copy)
      return Manifests.faults(copy).join("; ")
    }
    assert.match(
      broken((each) => (each.spec.template.spec.containers[0].livenesProbe = {})),
      /containers\/0\/livenesProbe is no field/
    )
    assert.match(
      broken((each) => (each.spec.template.spec.containers[0].startupProbe.exec.comand = [])),
      /exec\/comand is no field/
    )
    assert.match(
      broken((each) => (each.specs = {})),
      /\/specs is no field/
    )
    assert.match(
      broken((each) => delete each.spec.selector),
      /selector/
    )
    assert.match(
      broken((each) => (each.spec.template.spec.terminationGracePeriodSeconds = "630")),
      /terminationGracePeriodSeconds must be integer/
    )
    assert.match(Manifests.faults({ apiVersion: "apps/v1", kind: "Deploymnt" }).join(), /no schema/)
  })

  it("give a worker its grace period and time to hand jobs back", () => {
    const grace = Result.getOrThrow(parseDuration(envOf("SLUICE_GRACE")))
    assert.isAtLeast(pod.terminationGracePeriodSeconds - Duration.toSeconds(grace), 10)
  })

  it("name each other as they are named", () => {
    const labels = deployment.spec.template.metadata.labels
    for (const each of deployments)
      assert.deepStrictEqual(each.spec.selector.matchLabels, each.spec.template.metadata.labels)
    assert.notDeepEqual(scaler.spec.template.metadata.labels, labels)
    const near = scaler.spec.template.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]
    assert.deepStrictEqual(near.labelSelector.matchLabels, labels)
    const [term] = pod.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution
    assert.deepStrictEqual(term.labelSelector.matchLabels, labels)
    const account = Manifests.find("workers.yaml", "ServiceAccount").metadata.name
    assert.strictEqual(pod.serviceAccountName, account)
    const claim = pod.volumes.find((volume: Manifests.Manifest) => volume.persistentVolumeClaim !== undefined)
    assert.strictEqual(
      claim.persistentVolumeClaim.claimName,
      Manifests.find("workers.yaml", "PersistentVolumeClaim").metadata.name
    )
    const binding = Manifests.find("scaler.yaml", "RoleBinding")
    assert.strictEqual(binding.roleRef.name, Manifests.find("scaler.yaml", "Role").metadata.name)
    const scaling = Manifests.find("scaler.yaml", "ServiceAccount").metadata.name
    assert.strictEqual(binding.subjects[0].name, scaling)
    assert.strictEqual(scaler.spec.template.spec.serviceAccountName, scaling)
    assert.deepStrictEqual(
      scaler.spec.template.spec.volumes.find((volume: Manifests.Manifest) => volume.name === "store"),
      pod.volumes.find((volume: Manifests.Manifest) => volume.name === "store")
    )
    assert.strictEqual(envIn(scalerContainer, "SLUICE_STORE"), envOf("SLUICE_STORE"))
    for (const policy of Manifests.read("network-policy.yaml"))
      assert.isTrue(
        deployments.some(
          (each) =>
            each.metadata.name === policy.metadata.name &&
            JSON.stringify(each.spec.selector.matchLabels) === JSON.stringify(policy.spec.podSelector.matchLabels)
        ),
        policy.metadata.name
      )
    for (const [name, kind] of scalers) {
      const { scaleTargetRef } = Manifests.find(name, kind).spec
      assert.deepInclude(scaleTargetRef, { apiVersion: "apps/v1", kind: "Deployment", name: deployment.metadata.name })
    }
    const [trigger] = Manifests.find("keda-metrics-api.yaml", "ScaledObject").spec.triggers
    const credentials = Manifests.find("keda-metrics-api.yaml", "TriggerAuthentication")
    assert.strictEqual(trigger.authenticationRef.name, credentials.metadata.name)
  })

  it("let the scaler read and patch the scale of the workers' Deployment, which is what the actuator asks, and nothing else", () => {
    assert.deepStrictEqual(Manifests.find("scaler.yaml", "Role").rules, [
      {
        apiGroups: ["apps"],
        resources: ["deployments/scale"],
        resourceNames: [deployment.metadata.name],
        verbs: ["get", "patch"]
      }
    ])
    const [, group, slots] = /^(\w+)=(\d+)$/.exec(container.args[container.args.indexOf("--group") + 1])!
    assert.deepStrictEqual(workloadIn(envIn(scalerContainer, "SLUICE_SCALE_WORKLOAD")), {
      kind: "deployments",
      name: deployment.metadata.name,
      slots: { [group!]: Number(slots) },
      minReplicas: 1,
      maxReplicas: 20
    })
  })

  it("give a token of the cluster to the pod that scales, which runs no job, and to no other", () => {
    for (const each of [deployment, patched()]) assert.isFalse(each.spec.template.spec.automountServiceAccountToken)
    assert.isTrue(scaler.spec.template.spec.automountServiceAccountToken)
    assert.include(scalerContainer.args, "--no-shell")
    assert.notInclude(scalerContainer.args, "--tasks")
    assert.include(scalerContainer.args, "*=0")
    assert.isUndefined(scaler.spec.template.spec.shareProcessNamespace)
    // Nobody else leads: who leads without a token cannot scale.
    assert.strictEqual(envIn(patched().spec.template.spec.containers[0], "SLUICE_SCALING"), "off")
  })

  it("run as nobody special, with nothing to write but their volumes, and not without end", () => {
    for (const each of deployments) {
      const { spec } = each.spec.template
      assert.isTrue(spec.securityContext.runAsNonRoot)
      assert.isAbove(spec.securityContext.runAsUser, 0)
      assert.deepStrictEqual(spec.securityContext.seccompProfile, { type: "RuntimeDefault" })
      assert.isFalse(spec.enableServiceLinks)
      for (const key of ["hostNetwork", "hostPID", "hostIPC"]) assert.notProperty(spec, key)
      assert.strictEqual(spec.containers.length, 1)
      const [only] = spec.containers
      assert.deepStrictEqual(only.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] }
      })
      assert.isDefined(only.resources.limits.memory)
      const writable = only.volumeMounts.map(({ mountPath }: Manifests.Manifest) => mountPath)
      for (const path of [envIn(only, "SLUICE_STORE"), envIn(only, "HOME"), "/tmp"]) {
        assert.isTrue(writable.some((folder: string) => path === folder || path.startsWith(`${folder}/`)))
      }
      for (const volume of spec.volumes) {
        assert.notProperty(volume, "hostPath")
        if (volume.emptyDir !== undefined) assert.match(volume.emptyDir.sizeLimit, /^\d+[MG]i$/, volume.name)
      }
    }
  })

  it("let nobody connect to a pod, and no job reach where clouds hand out credentials", () => {
    const policies = Manifests.read("network-policy.yaml")
    for (const { spec } of policies) {
      assert.deepStrictEqual([spec.policyTypes, spec.ingress], [["Ingress", "Egress"], []])
    }
    const [workers] = policies
    const blocks = workers.spec.egress
      .flatMap(({ to }: Manifests.Manifest) => to)
      .map((each: Manifests.Manifest) => each.ipBlock)
    const barred = new BlockList()
    for (const { except } of blocks)
      for (const range of except) {
        const [network, prefix] = range.split("/")
        barred.addSubnet(network, Number(prefix), network.includes(":") ? "ipv6" : "ipv4")
      }
    for (const address of ["169.254.169.254", "168.63.129.16", "100.100.100.200"])
      assert.isTrue(barred.check(address), address)
    assert.isTrue(barred.check("fd00:ec2::254", "ipv6"))
    assert.isFalse(barred.check("10.0.0.1"))
  })

  it("send a token over TLS, to who shows a certificate of the named authority", () => {
    for (const [name, kind] of scalers) {
      for (const trigger of Manifests.find(name, kind).spec.triggers ?? []) {
        if (trigger.authenticationRef === undefined) continue
        assert.match(trigger.metadata.url, /^https:\/\//)
        assert.strictEqual(trigger.metadata.unsafeSsl, "false")
        const { secretTargetRef } = Manifests.find(name, "TriggerAuthentication").spec
        const parameters = secretTargetRef.map(({ parameter }: Manifests.Manifest) => parameter)
        assert.deepStrictEqual(parameters.sort(), ["ca", "token"])
      }
    }
  })

  it("divide by the slots of one pod, everywhere the same", () => {
    const slots = /^network=(\d+)$/.exec(container.args[container.args.indexOf("--group") + 1])?.[1]
    assert.strictEqual(
      Manifests.find("keda-metrics-api.yaml", "ScaledObject").spec.triggers[0].metadata.targetValue,
      slots
    )
    assert.strictEqual(
      Manifests.find("keda-prometheus.yaml", "ScaledObject").spec.triggers[0].metadata.threshold,
      slots
    )
    assert.strictEqual(
      Manifests.find("hpa.yaml", "HorizontalPodAutoscaler").spec.metrics[0].external.target.averageValue,
      slots
    )
  })

  it("find the figure where the recommendation has it", () => {
    const { valueLocation } = Manifests.find("keda-metrics-api.yaml", "ScaledObject").spec.triggers[0].metadata
    // GJSON: the first of an array that fits the query.
    const [, array, field, value, result] = /^(\w+)\.#\((\w+)=="([^"]*)"\)\.(\w+)$/.exec(valueLocation)!
    const look = (over: Partial<ScalingRecommendation.Decision>) => {
      const said: Manifests.Manifest = ScalingRecommendation.recommend([{ ...decision, ...over }], now)
      return said[array!].find((each: Manifests.Manifest) => each[field!] === value)?.[result!]
    }
    assert.strictEqual(look({}), 120)
    assert.isNull(look({ mode: "shadow" }))
  })

  it.effect("ask Prometheus for the series that is there", () =>
    Effect.gen(function* () {
      const { query } = Manifests.find("keda-prometheus.yaml", "ScaledObject").spec.triggers[0].metadata
      const [, selector] = /^max\((.+)\)$/.exec(query)!
      const { metric } = Manifests.find("hpa.yaml", "HorizontalPodAutoscaler").spec.metrics[0].external
      const { group, mode } = metric.selector.matchLabels
      assert.strictEqual(`${metric.name}{group="${group}",mode="${mode}"}`, selector)
      const text = yield* ScalerExposition.exposition([decision], now)
      assert.include(text.split("\n"), `${selector} 120`)
      const shadow = yield* ScalerExposition.exposition([{ ...decision, mode: "shadow" }], now)
      assert.notInclude(shadow, selector)
    })
  )
})
