/** How many slots a worker fills, and which proposal decides that, as `--json` shows it. */
import * as Schema from "effect/Schema"
import { decisionOf, SlotDecisions, type WorkerRecord } from "../services/Queue/index.ts"

export const SlotDecisionShape = Schema.Struct({
  /** So many are filled, and whose proposal that is: what was asked, unless a bound holds it lower. */
  ...SlotDecisions.SlotProposal.fields,
  asked: SlotDecisions.SlotRequest
})

export const toSlotDecisionShape = ({ asked, by }: SlotDecisions.SlotDecision): typeof SlotDecisionShape.Type => ({
  ...by,
  asked
})

/** Of one worker. */
export const WorkerSlotsShape = Schema.Struct({
  session: Schema.Int,
  worker: Schema.String,
  ...SlotDecisionShape.fields
})

/** Of the workers that have slots of the group. */
export const toWorkerSlots = (
  workers: ReadonlyArray<WorkerRecord>,
  group: string
): ReadonlyArray<typeof WorkerSlotsShape.Type> =>
  workers.flatMap((worker) => {
    const decision = decisionOf(worker, group)
    return decision === undefined || decision.asked.slots === 0
      ? []
      : [{ session: worker.session, worker: worker.name, ...toSlotDecisionShape(decision) }]
  })
