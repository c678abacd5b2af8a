/**
 * Deployments and StatefulSets of workers as actuator, scaled through their scale sub-resource.
 *
 * Each replica is a worker with so many slots of a group; groups that share a workload get what the greatest need among
 * them asks for. Orders are compared with what the API server has and written only when they differ, at least every 30
 * s: replicas that someone else has moved are moved back. So nothing else may scale the same workload, no
 * HorizontalPodAutoscaler and no KEDA.
 *
 * Kubernetes chooses the pods that go; each gets SIGTERM and as long as its `terminationGracePeriodSeconds`. Give it
 * the worker's grace period (`SLUICE_GRACE`) and some seconds, so that no job is killed.
 */
import { Clock, Duration, Effect, Layer, type Scope } from "effect"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { isWorkerAlive, type WorkerRecord } from "../../Store/WorkerRecord.ts"
import { type Actuator, ActuatorError, Actuators, ActuatorUnreachable, type GroupTarget } from "./Actuator.ts"
import * as AskedReplicas from "./AskedReplicas.ts"
import { type InClusterOptions, KubernetesApi, layerInCluster, name, type Workload } from "./KubernetesApi.ts"
import * as ScaleRequests from "./ScaleRequests.ts"
import * as StartUpTimes from "./StartUpTimes.ts"

export interface ScaledWorkload {
  readonly kind: Workload["kind"]
  /**
   * Of the workload, and what the names of its workers begin with: give pods their own name as `SLUICE_WORKER_NAME`.
   */
  readonly name: string
  /** Default: the namespace this process runs in. */
  readonly namespace?: string
  /** Slots of each group in one replica, at least 1. */
  readonly slots: Readonly<Record<string, number>>
  /** Default 1: at zero nobody is left to decide when this workload runs all workers. */
  readonly minReplicas?: number
  /** Default 100: a bound on what a wrong forecast may cost. */
  readonly maxReplicas?: number
}

/** Orders that were carried out are compared anew this often, in milliseconds. */
const compareEveryMs = 30_000
/** A conflict is answered by reading anew, at most so often in one try. */
const mostConflicts = 3
const defaultMaxReplicas = 100

interface Watched {
  readonly workload: Workload
  readonly slots: Readonly<Record<string, number>>
  readonly min: number
  readonly max: number
  readonly asked: AskedReplicas.AskedReplicas
}

const keyOf = ({ kind, name, namespace }: Workload): string => `${namespace}/${kind}/${name}`

/** Whether the worker runs in a pod of the workload: `NAME-…`. */
const isOf = ({ workload }: Watched, worker: WorkerRecord): boolean => worker.name.startsWith(`${workload.name}-`)

const invalid = (workload: ScaledWorkload): string | undefined => {
  const { maxReplicas = defaultMaxReplicas, minReplicas = 1, name, slots } = workload
  const counts = Object.values(slots)
  if (counts.length === 0 || counts.some((count) => !Number.isInteger(count) || count < 1))
    return `slots of workload ${JSON.stringify(name)} are ${JSON.stringify(slots)}; expected groups with whole numbers from 1`
  if (!Number.isInteger(minReplicas) || !Number.isInteger(maxReplicas) || minReplicas < 0 || maxReplicas < minReplicas)
    return `replicas of workload ${JSON.stringify(name)} are ${minReplicas} to ${maxReplicas}; expected whole numbers with 0 ≤ min ≤ max`
  return undefined
}

/** Throws a `RangeError` when slots or bounds are none. */
export const make = (
  workloads: ReadonlyArray<ScaledWorkload>
): Effect.Effect<Actuator, never, KubernetesApi | WorkerRegistry | Scope.Scope> =>
  Effect.gen(function* () {
    const wrong = workloads.map(invalid).find((message) => message !== undefined)
    if (wrong !== undefined) throw new RangeError(wrong)
    const api = yield* KubernetesApi
    const registry = yield* WorkerRegistry
    const startUps = StartUpTimes.make()
    const wanted = new Map<string, GroupTarget>()
    const watched = new Map(
      workloads.map((each): [string, Watched] => {
        const { kind, maxReplicas, minReplicas, name, namespace, slots } = each
        const workload = { kind, name, namespace: namespace ?? api.namespace }
        const watch = {
          workload,
          slots,
          min: minReplicas ?? 1,
          max: maxReplicas ?? defaultMaxReplicas,
          asked: AskedReplicas.make()
        }
        return [keyOf(workload), watch]
      })
    )
    const homeOf = new Map(
      [...watched].flatMap(([key, { slots }]) => Object.keys(slots).map((group): [string, string] => [group, key]))
    )

    const replicasFor = ({ max, min, slots }: Watched): number => {
      const needs = Object.entries(slots).map(([group, each]) => Math.ceil((wanted.get(group)?.desired ?? 0) / each))
      return Math.min(max, Math.max(min, ...needs))
    }

    const scale = Effect.fnUntraced(function* ({ asked, workload }: Watched, replicas: number) {
      const { replicas: before, resourceVersion } = yield* api.read(workload)
      if (before === replicas) return
      yield* api.write(workload, replicas, resourceVersion)
      asked.ordered(replicas - before, yield* Clock.currentTimeMillis)
    })

    const { place } = yield* ScaleRequests.make({
      actuator: name,
      repeatAfterMs: compareEveryMs,
      // A pseudo group for each workload; its slots are replicas.
      carryOut: ({ desired, group }) =>
        scale(watched.get(group)!, desired).pipe(
          Effect.retry({ times: mostConflicts - 1, while: ({ reason }) => reason._tag === "ActuatorConflict" })
        )
    })

    const workersNow = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      return (yield* registry.all).filter((worker) => isWorkerAlive(worker, now))
    }).pipe(
      Effect.mapError(
        ({ message }) =>
          new ActuatorError({ actuator: name, reason: new ActuatorUnreachable({ message: `the store: ${message}` }) })
      )
    )

    const learn = (workers: ReadonlyArray<WorkerRecord>) => {
      for (const each of watched.values()) {
        for (const took of each.asked.joined(workers.filter((worker) => isOf(each, worker)))) startUps.saw(took)
      }
    }

    return {
      name,
      serves: (group) => homeOf.has(group),
      apply: Effect.fnUntraced(function* (targets) {
        const ours = targets.filter(({ group }) => homeOf.has(group))
        for (const target of ours) wanted.set(target.group, target)
        // Seen before ordering, so that workers which were there already are not taken for what is asked now.
        yield* Effect.ignore(Effect.map(workersNow, learn))
        const keys = [...new Set(ours.map(({ group }) => homeOf.get(group)!))]
        const placed = yield* place(
          keys.map((key) => {
            const home = watched.get(key)!
            const cause = ours.find(({ group }) => homeOf.get(group) === key)!
            return { ...cause, group: key, desired: replicasFor(home) }
          })
        )
        const orders = new Map(placed.map((order) => [order.group, order]))
        return ours.map(({ desired, group }) => ({ ...orders.get(homeOf.get(group)!)!, group, desired }))
      }),
      capacity: Effect.gen(function* () {
        const workers = yield* workersNow
        learn(workers)
        const perWorkload = yield* Effect.forEach(
          watched.values(),
          Effect.fnUntraced(function* (each) {
            const { replicas } = yield* api.read(each.workload)
            const mine = workers.filter((worker) => isOf(each, worker))
            const claiming = mine.filter(({ draining }) => !draining).length
            // More than are asked for: Kubernetes is about to end some.
            const leaving = mine.length - claiming + Math.max(0, claiming - replicas)
            const ready = Math.min(claiming, replicas)
            return Object.entries(each.slots).map(([group, slots]) => ({
              group,
              ready: ready * slots,
              starting: (replicas - ready) * slots,
              draining: leaving * slots,
              most: each.max * slots
            }))
          }),
          { concurrency: 4 }
        )
        return perWorkload.flat()
      }).pipe(
        Effect.timeoutOrElse({
          duration: Duration.seconds(10),
          orElse: () =>
            Effect.fail(
              new ActuatorError({
                actuator: name,
                reason: new ActuatorUnreachable({ message: "the API server had not told all replicas after 10 s" })
              })
            )
        })
      ),
      startUp: Effect.sync(startUps.read)
    }
  })

/** The actuator of a process that runs in a pod, besides those there are. */
export const layer = (
  workloads: ReadonlyArray<ScaledWorkload>,
  options: InClusterOptions
): Layer.Layer<never, ActuatorError, WorkerRegistry> =>
  Layer.effect(
    Actuators,
    Effect.gen(function* () {
      const others = yield* Actuators
      return [...others, yield* make(workloads)]
    })
  ).pipe(Layer.provide(layerInCluster(options)))
