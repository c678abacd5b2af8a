import * as Schema from "effect/Schema"
import { decisionOf, SlotDecisions, totalOf, type WorkerRecord } from "../services/Queue/index.ts"

/** How many slots a worker fills, and which proposal decides that. */
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

/** A worker as `--json` shows it. Times in RFC 3339. */
export const WorkerShape = Schema.Struct({
  session: Schema.Int,
  name: Schema.String,
  /** `suspended`: its process is stopped. `expired`: its lease has run out. `gone`: its process is no more. */
  state: Schema.Literals(["alive", "draining", "suspended", "expired", "gone"]),
  host: Schema.String,
  pid: Schema.Int,
  version: Schema.String,
  tasks: Schema.Array(Schema.String),
  /** Slots and running jobs, by group. */
  slots: Schema.Record(Schema.String, Schema.Finite),
  busy: Schema.Record(Schema.String, Schema.Finite),
  /** How many slots of each group are filled, and why. */
  decided: Schema.Record(Schema.String, SlotDecisionShape),
  /** The same of all groups together. */
  total: Schema.NullOr(SlotDecisionShape),
  startedAt: Schema.String,
  lastBeat: Schema.String,
  /** Of one core. */
  cpu: Schema.NullOr(Schema.Finite),
  rssBytes: Schema.NullOr(Schema.Finite),
  loopDelayMs: Schema.NullOr(Schema.Finite)
})
export type WorkerShape = typeof WorkerShape.Type

const time = (millis: number): string => new Date(millis).toISOString()

export const workerState = (worker: WorkerRecord, now: number): WorkerShape["state"] =>
  worker.gone === true
    ? "gone"
    : worker.suspended !== undefined
      ? "suspended"
      : worker.leaseUntil <= now
        ? "expired"
        : worker.draining
          ? "draining"
          : "alive"

/** `busy`: its running jobs by group. */
export const toWorkerShape = (
  worker: WorkerRecord,
  busy: Readonly<Record<string, number>>,
  now: number
): WorkerShape => {
  const total = totalOf(worker)
  return {
    session: worker.session,
    name: worker.name,
    state: workerState(worker, now),
    host: worker.host,
    pid: worker.pid,
    version: worker.version,
    tasks: worker.tasks,
    slots: worker.slots,
    busy,
    decided: Object.fromEntries(
      Object.keys(worker.slots).flatMap((group) => {
        const decision = decisionOf(worker, group)
        return decision === undefined ? [] : [[group, toSlotDecisionShape(decision)]]
      })
    ),
    total: total === undefined ? null : toSlotDecisionShape(total),
    startedAt: time(worker.startedAt),
    lastBeat: time(worker.lastBeat),
    cpu: worker.load?.cpu ?? null,
    rssBytes: worker.load?.rssBytes ?? null,
    loopDelayMs: worker.load?.loopDelayMs ?? null
  }
}
