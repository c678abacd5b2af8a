/** Lays what this process measured of its tasks beside what is known in the store, and decides where they belong. */
import { Clock, Effect, Layer, Schedule } from "effect"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { isWorkerAlive, type WorkerRecord } from "../../Store/WorkerRecord.ts"
import { PerformanceProfiler } from "../PerformanceProfiler.ts"
import { Placements, PlacementSettings } from "../Placements.ts"
import { type Evidence, learned, type Placement, unknown } from "../policy/Placement.ts"
import { able, slotsOf } from "../policy/Served.ts"
import { type Registration, TaskRegistry } from "../TaskRegistry.ts"

/** What a placement becomes with a round of evidence, and with the workers there are. */
const decided = (
  { _tag, task }: Registration,
  before: Placement | undefined,
  round: Evidence | undefined,
  workers: ReadonlyArray<WorkerRecord>,
  now: number
): Placement | undefined => {
  const threads = _tag === "Thread"
  const declared = task.isGroupDeclared ? task.group.name : null
  if (before === undefined && round === undefined) return undefined
  const known = { ...(before ?? unknown(task.name, declared, threads)), declared, threads }
  const placement = round === undefined ? known : learned(known, round, now)
  return { ...placement, held: placement.fit !== null && slotsOf(placement.fit, able(task.name, workers)) === 0 }
}

const hasChanged = (before: Placement | undefined, after: Placement, hasRound: boolean): boolean =>
  hasRound || before?.held !== after.held || before.declared !== after.declared || before.threads !== after.threads

const make = Effect.gen(function* () {
  const { every, mode } = yield* PlacementSettings
  if (mode === "off") return
  const workerRegistry = yield* WorkerRegistry
  const registry = yield* TaskRegistry
  const profiler = yield* PerformanceProfiler
  const placements = yield* Placements
  /** Not in the store yet: another process was faster, or the store did not answer. */
  const rounds = new Map<string, Evidence>()

  const pass = Effect.gen(function* () {
    for (const [task, round] of yield* profiler.takeEvidence) rounds.set(task, round)
    const known = new Map((yield* placements.all).map((placement) => [placement.task, placement]))
    const now = yield* Clock.currentTimeMillis
    const workers = (yield* workerRegistry.all).filter((worker) => isWorkerAlive(worker, now))
    for (const registration of registry.all()) {
      const { name } = registration.task
      const round = rounds.get(name)
      const before = known.get(name)
      const after = decided(registration, before, round, workers, now)
      if (after === undefined || !hasChanged(before, after, round !== undefined)) continue
      if (!(yield* placements.keep(after, before))) continue
      rounds.delete(name)
      if (after.declared === null && after.fit !== null && after.fit !== before?.fit)
        yield* Effect.logInfo(
          `Task ${name} fits group ${after.fit}${after.held ? ", which no worker of it serves" : ""}`
        )
    }
  })

  yield* pass.pipe(
    Effect.catchCause((cause) => Effect.logDebug("Placements stay as they are; the store did not answer", cause)),
    Effect.delay(every),
    Effect.repeat(Schedule.forever),
    Effect.annotateLogs({ module: "placement" }),
    Effect.forkScoped
  )
})

export const layer: Layer.Layer<never, never, WorkerRegistry | TaskRegistry | PerformanceProfiler | Placements> =
  Layer.effectDiscard(make)
