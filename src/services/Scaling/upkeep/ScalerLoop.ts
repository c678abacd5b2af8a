/**
 * The rounds of the scaler, and this worker's share of what they decide. While it leads, it decides for all; led or
 * not, it looks at the targets and asks for as many slots of each group as fall to it. Jobs beyond a smaller number
 * finish. Targets that are gone leave the slots as they were declared; targets that cannot be read stay.
 */
import { Clock, Duration, Effect, Layer, Option, Schedule, Schema } from "effect"
import { Documents } from "../../Store/Documents.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { isWorkerAlive } from "../../Store/WorkerRecord.ts"
import type { SlotAsk } from "../../Queue/policy/SlotDecision.ts"
import { totalOf } from "../../Queue/policy/Served.ts"
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
    /** What was asked for, by group. */
    const asked = new Map<string, SlotAsk>()

    const ask = (group: string, slots: number, reason: string) =>
      Effect.gen(function* () {
        const before = asked.get(group)
        if (before?.slots === slots && before.reason === reason) return
        yield* worker.propose(group, "scaler", { slots, reason })
        asked.set(group, { slots, reason })
        yield* Effect.logDebug(`The scaler asks for ${slots} slots of group ${group}: ${reason}`)
      })

    const takeBack = (group: string) =>
      Effect.gen(function* () {
        yield* worker.propose(group, "scaler", undefined)
        asked.delete(group)
        yield* Effect.logDebug(`The scaler asks for no slots of group ${group} any more`)
      })

    const look = Effect.gen(function* () {
      const { session } = yield* worker.status
      if (session === 0) return
      const targets = (yield* documents.all("scale-target")).flatMap(({ text }) => Option.toArray(decode(text)))
      if (targets.length === 0 && asked.size === 0) return
      const now = yield* Clock.currentTimeMillis
      const workers = (yield* registry.all).filter((worker) => !worker.draining && isWorkerAlive(worker, now))
      const wanted = new Set<string>()
      for (const { group, reason, slots, tasks } of targets) {
        const takers = workers
          .filter((each) => tasks.length === 0 || each.tasks.some((task) => tasks.includes(task)))
          .map((each) => ({
            key: each.session,
            most: Math.min(
              each.load?.declared?.[group] ?? each.load?.declared?.["*"] ?? Number.POSITIVE_INFINITY,
              totalOf(each)?.asked.slots ?? Number.POSITIVE_INFINITY
            )
          }))
          .filter(({ most }) => most > 0)
        const share = slotShares(slots, takers).get(session)
        if (share === undefined) continue
        wanted.add(group)
        yield* ask(group, share, `a share of ${slots} over all workers: ${reason}`)
      }
      for (const group of [...asked.keys()]) if (!wanted.has(group)) yield* takeBack(group)
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
