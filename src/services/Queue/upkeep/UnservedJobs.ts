/**
 * A worker says once what waits in vain beside it: jobs whose task no living worker has a handler for, or whose group
 * none of those has a slot for. Jobs have to be found so in two looks: a worker that is about to join has its time. It
 * is said anew after they were served.
 */
import { Clock, Duration, Effect, Layer } from "effect"
import { isCollectTask } from "../../Memory/CollectRequest.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { unserved, type Unserved } from "../policy/Served.ts"
import { TaskRegistry } from "../TaskRegistry.ts"
import { layerRepeated } from "./Leading.ts"

/** Two reads of the store. */
const interval = Duration.seconds(5)

const sentence = ({ group, isKnown, jobs, task }: Unserved, own: ReadonlyArray<string>): string => {
  const waiting = `${jobs === 1 ? "A job" : `${jobs} jobs`} of task ${JSON.stringify(task)}`
  if (isKnown)
    return `${waiting} in group ${JSON.stringify(group)} cannot start: the workers with its handler have no slot for that group`
  const here = own.length === 0 ? "no handler is registered here" : `handlers here: ${own.join(", ")}`
  return `${waiting} cannot start: no worker has its handler (${here}). Provide its layer (toLayer) to a worker, or correct the task's name`
}

const pass = (said: Map<string, boolean>) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const workerRegistry = yield* WorkerRegistry
    const registry = yield* TaskRegistry
    const now = yield* Clock.currentTimeMillis
    const counters = yield* store.counters
    const workers = (yield* workerRegistry.all).filter(({ leaseUntil }) => leaseUntil > now)
    const found = new Map<string, Unserved>(
      unserved(counters, workers)
        .filter(({ task }) => !isCollectTask(task))
        .map((jobs) => [`${jobs.isKnown} ${jobs.task} ${jobs.group}`, jobs] as const)
    )
    for (const key of said.keys()) if (!found.has(key)) said.delete(key)
    for (const [key, jobs] of found) {
      const before = said.get(key)
      if (before === false)
        yield* Effect.logWarning(
          sentence(
            jobs,
            registry.all().map(({ task }) => task.name)
          )
        )
      said.set(key, before !== undefined)
    }
  })

export const layer = Layer.suspend(() => layerRepeated("unserved", Effect.succeed(interval), pass(new Map())))
