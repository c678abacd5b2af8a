/**
 * What a worker that leads the scaler acts on beyond this host, as the settings name it: a command, a workload of
 * Kubernetes.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  type JobStore,
  type WorkerRegistry,
  ResourceGroup,
  type ScaledWorkload,
  Sluice
} from "../../services/Queue/index.ts"
import { type CommandFailure, fail } from "../Failure.ts"
import { commandWords } from "../input/CommandWords.ts"
import { Invocation } from "../Invocation.ts"
import * as Settings from "../Settings.ts"

/** Provides the actuators. */
export type ScaleActuators = Layer.Layer<never, CommandFailure, JobStore | WorkerRegistry>

/** `network=10`, in one replica; undefined: not that. */
const slotsIn = (text: string): readonly [string, number] | undefined => {
  const [, group = "", count] = /^(.+)=(\d{1,5})$/.exec(text) ?? []
  return ResourceGroup.namePattern.test(group) && Number(count) > 0 ? [group, Number(count)] : undefined
}

/**
 * `deployment/workers`, `statefulset/jobs/workers=1..20 network=10`; undefined: none of these. Names as Kubernetes
 * allows them (RFC 1123). Without slots a replica has as many as this worker.
 */
export const workloadIn = (text: string): (Omit<ScaledWorkload, "slots"> & Partial<ScaledWorkload>) | undefined => {
  const label = "[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
  const pattern = new RegExp(`^(deployment|statefulset)s?/(?:(${label})/)?(${label})(?:=(\\d{1,5})\\.\\.(\\d{1,5}))?$`)
  const [what = "", ...words] = text.trim().split(/\s+/)
  const [, kind, namespace, name, min, max] = pattern.exec(what) ?? []
  if (name === undefined) return undefined
  if (max !== undefined && (Number(max) < Number(min) || Number(max) < 1)) return undefined
  const slots = words.map(slotsIn).filter((pair) => pair !== undefined)
  if (slots.length < words.length) return undefined
  return {
    kind: kind === "deployment" ? "deployments" : "statefulsets",
    name,
    ...(slots.length === 0 ? {} : { slots: Object.fromEntries(slots) }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(max === undefined ? {} : { minReplicas: Number(min), maxReplicas: Number(max) })
  }
}

const commandActuator = ({ source, value }: Settings.Setting) =>
  Effect.gen(function* () {
    const { cwd, env } = yield* Invocation
    const [program, ...args] = yield* commandWords("scaleCommand", source, value)
    if (program === undefined) return yield* fail("usage", `scaleCommand (${source}) is empty; name a program`)
    const present = Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined)
    return Sluice.layerCommandActuator({ run: [program, ...args], cwd, env: Object.fromEntries(present) })
  })

/** `declared`: slots by group of one worker process, so of one replica. */
const workloadActuator = ({ source, value }: Settings.Setting, declared: Readonly<Record<string, number>>) =>
  Effect.gen(function* () {
    const { env } = yield* Invocation
    const workload = workloadIn(value)
    if (workload === undefined) {
      return yield* fail(
        "usage",
        `scaleWorkload (${source}) is ${JSON.stringify(value)}; expected deployment/NAME or statefulset/NAMESPACE/NAME, its replicas and the slots of one as in deployment/workers=1..20 network=10`
      )
    }
    const own = Object.entries(declared).filter(([group, count]) => group !== "*" && count > 0)
    const slots = workload.slots ?? Object.fromEntries(own)
    if (Object.keys(slots).length === 0) {
      return yield* fail(
        "usage",
        `scaleWorkload (${source}) needs to know the slots of one replica; name them after it (deployment/workers=1..20 network=10), or as this worker's own (--group network=10)`
      )
    }
    return Sluice.layerKubernetesActuator([{ ...workload, slots }], { env }).pipe(
      Layer.catch(({ message }) =>
        Layer.effectDiscard(Effect.fail(fail("usage", `scaleWorkload (${source}): ${message}`)))
      )
    )
  })

/** From the settings in force. */
export const scaleActuators = (declared: Readonly<Record<string, number>>) =>
  Effect.gen(function* () {
    const { scaleCommand, scaleWorkload } = (yield* Settings.acting).settings
    let actuators: ScaleActuators = Layer.empty
    if (scaleCommand.value !== "") actuators = yield* commandActuator(scaleCommand)
    if (scaleWorkload.value !== "") {
      actuators = (yield* workloadActuator(scaleWorkload, declared)).pipe(Layer.provide(actuators))
    }
    return actuators
  })
