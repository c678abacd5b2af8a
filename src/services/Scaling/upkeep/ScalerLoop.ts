/**
 * The rounds of the scaler, and this worker's share of what they decide. While it leads, it decides for all; led or
 * not, it looks at the targets and gives each group as many slots as fall to it. Jobs beyond a smaller number finish.
 * Targets that are gone leave the slots as they were declared; targets that cannot be read stay.
 */
import { Clock, Duration, Effect, Layer, Option, Schedule, Schema } from "effect"
import { Documents } from "../../Store/Documents.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { isWorkerAlive } from "../../Store/WorkerRecord.ts"
import { slotShares } from "../../Queue/policy/SlotShares.ts"
import { PredictiveScaler } from "../../Queue/PredictiveScaler.ts"
import { ScaleTarget } from "../ScaleDecision.ts"
import { Scaler } from "../ScaleSettings.ts"
import { Worker } from "../../Queue/Worker.ts"
import { layerRepeated } from "../../Queue/upkeep/Leading.ts"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(ScaleTarget))

/** Who does not lead finds that out in its round, and does nothing. */
const rounds = layerRepeated(
  "scaler",
  Scaler.useSync(({ round }) => round),
  Effect.flatMap(PredictiveScaler, ({ scalePreemptively }) => scalePreemptively)
)

const carrying = Layer.effectDiscard(
  Effect.gen(function* () {
    const registry = yield* WorkerRegistry
    const documents = yield* Documents
    const worker = yield* Worker
    const { carry } = yield* Scaler
    /** Slots given by group. */
    const given = new Map<string, number>()

    const give = (group: string, slots: number | undefined) =>
      Effect.gen(function* () {
        if (given.get(group) === slots) return
        yield* worker.setSlots(group, slots)
        if (slots === undefined) given.delete(group)
        else given.set(group, slots)
        yield* Effect.logDebug(`Group ${group} has ${slots === undefined ? "its own" : slots} slots, says the scaler`)
      })

    const look = Effect.gen(function* () {
      const { session } = yield* worker.status
      if (session === 0) return
      const targets = (yield* documents.all("scale-target")).flatMap(({ text }) => Option.toArray(decode(text)))
      if (targets.length === 0 && given.size === 0) return
      const now = yield* Clock.currentTimeMillis
      const workers = (yield* registry.all).filter((worker) => !worker.draining && isWorkerAlive(worker, now))
      const wanted = new Set<string>()
      for (const { group, slots, tasks } of targets) {
        const takers = workers
          .filter((each) => tasks.length === 0 || each.tasks.some((task) => tasks.includes(task)))
          .map(({ load, session: taker }) => ({
            session: taker,
            most: load?.declared?.[group] ?? load?.declared?.["*"] ?? Number.POSITIVE_INFINITY
          }))
          .filter(({ most }) => most > 0)
        const share = slotShares(slots, takers).get(session)
        if (share === undefined) continue
        wanted.add(group)
        yield* give(group, share)
      }
      for (const group of [...given.keys()]) if (!wanted.has(group)) yield* give(group, undefined)
    })

    yield* look.pipe(
      Effect.catchCause((cause) => Effect.logDebug("The slots stay as they are; the store did not answer", cause)),
      Effect.repeat(Schedule.spaced(Duration.fromInputUnsafe(carry))),
      Effect.annotateLogs({ module: "scaler" }),
      Effect.forkScoped
    )
  })
)

export const layer: Layer.Layer<never, never, Documents | WorkerRegistry | Worker | PredictiveScaler> = Layer.mergeAll(
  rounds,
  carrying
)
