/** The groups with their jobs, slots and last hour: what `queue status` shows. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import {
  Explain,
  type GroupRecord,
  isWorkerAlive,
  GroupOrders,
  type JobState,
  Order,
  ResourceGroup,
  TaskQueue
} from "../../services/Queue/index.ts"
import { sumUp, widthFor } from "../../api/GroupFigures.ts"
import { hint } from "../Hint.ts"
import { output } from "../Output.ts"
import { type GroupStatusShape, QueueStatusShape, toFigures, toKept } from "../../api/QueueShape.ts"
import { toWorkerSlots } from "../../api/WorkerShape.ts"
import { explain } from "../Reason.ts"
import * as SlotsInWords from "../SlotsInWords.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import type { Column } from "../terminal/Table.ts"

type GroupStatus = typeof GroupStatusShape.Type

const hourMs = 3_600_000

const millis = (value: number | null): string => (value === null ? HumanNumber.unknown : HumanNumber.duration(value))

const standing: Readonly<Record<NonNullable<GroupStatus["kept"]>["reason"], string>> = {
  GroupPaused: "paused",
  GroupClosed: "closed",
  HeldBack: "held back",
  BreakerOpen: "breaker open",
  BreakerHalfOpen: "probed",
  RateSpent: "rate spent"
}

const columns: ReadonlyArray<Column<GroupStatus>> = [
  { header: "group", value: ({ name }) => name, minimum: 8 },
  { header: "limit", value: ({ limit }) => HumanNumber.count(limit), align: "right" },
  { header: "running", value: ({ running }) => HumanNumber.count(running), align: "right" },
  { header: "pending", value: ({ pending }) => HumanNumber.count(pending), align: "right" },
  { header: "scheduled", value: ({ scheduled }) => HumanNumber.count(scheduled), align: "right" },
  {
    header: "failed",
    value: ({ failed }) => HumanNumber.count(failed),
    align: "right",
    style: (cell, { failed }, style) => (failed > 0 ? style.bad(cell) : cell)
  },
  { header: "completed", value: ({ completed }) => HumanNumber.count(completed), align: "right" },
  { header: "oldest", value: ({ oldestPendingMs }) => millis(oldestPendingMs), align: "right" },
  { header: "wait p95", value: ({ lastHour }) => millis(lastHour.waitMs.p95), align: "right" },
  { header: "run p95", value: ({ lastHour }) => millis(lastHour.runMs.p95), align: "right" },
  {
    header: "",
    value: ({ kept }) => (kept === null ? "" : standing[kept.reason]),
    style: (cell, _, style) => style.warning(cell),
    minimum: 6
  },
  {
    header: "slots",
    value: ({ slots }) => HumanNumber.count(slots.reduce((sum, each) => sum + each.slots, 0)),
    align: "right",
    wide: true
  },
  { header: "order", value: ({ order }) => order, wide: true },
  { header: "cancelled", value: ({ cancelled }) => HumanNumber.count(cancelled), align: "right", wide: true },
  { header: "wait p50", value: ({ lastHour }) => millis(lastHour.waitMs.p50), align: "right", wide: true },
  { header: "wait p99", value: ({ lastHour }) => millis(lastHour.waitMs.p99), align: "right", wide: true },
  { header: "run p50", value: ({ lastHour }) => millis(lastHour.runMs.p50), align: "right", wide: true },
  { header: "run p99", value: ({ lastHour }) => millis(lastHour.runMs.p99), align: "right", wide: true }
]

/** Lines about workers that fill fewer slots than was asked for. */
const mostHeld = 5

const sayHeld = (groups: ReadonlyArray<GroupStatus>) =>
  Effect.gen(function* () {
    const out = yield* output
    const held = groups.flatMap(({ name, slots }) =>
      slots.filter((each) => each.slots < each.asked.slots).map((each) => ({ name, each }))
    )
    for (const { each, name } of held.slice(0, mostHeld))
      yield* out.note(`${name} on ${Sanitize.line(each.worker)}: ${SlotsInWords.inWords(each, each.asked)}`)
    if (held.length > mostHeld) yield* out.note(`${held.length - mostHeld} more are held: sluice queue status --json`)
  })

/** Why groups start nothing, where their column does not say it all. */
const sayKept = (groups: ReadonlyArray<GroupRecord>, now: number) =>
  Effect.gen(function* () {
    const out = yield* output
    const kept = groups.flatMap((group) => {
      const reason = Explain.whyKept(group, now)
      return reason === undefined || reason._tag === "GroupPaused" ? [] : [explain(reason, now).why]
    })
    for (const why of kept.slice(0, mostHeld)) yield* out.note(why)
    if (kept.length > mostHeld) yield* out.note(`${kept.length - mostHeld} more are kept: sluice queue status --json`)
  })

export const showStatus = ({ json, wide }: { readonly json: boolean; readonly wide: boolean }) =>
  Effect.gen(function* () {
    const out = yield* output
    const queue = yield* TaskQueue
    const stats = yield* queue.stats
    const orders = yield* GroupOrders.use(({ list }) => list)
    const now = yield* Clock.currentTimeMillis
    const figures = sumUp(
      yield* queue.rollUps({ width: widthFor(hourMs), from: now - hourMs, to: now }),
      ({ group }) => group
    )
    const count = (name: string, state: JobState) =>
      stats.counters
        .filter((counter) => counter.group === name && counter.state === state)
        .reduce((sum, counter) => sum + counter.count, 0)
    const known = new Set(
      [...ResourceGroup.defaults, ...stats.groups, ...stats.counters.map(({ group }) => ({ name: group }))].map(
        ({ name }) => name
      )
    )
    const alive = stats.workers.filter((worker) => isWorkerAlive(worker, now))
    const claiming = alive.filter(({ draining }) => !draining)
    const groups = [...known].sort().map((name): GroupStatus => {
      const record = stats.groups.find((group) => group.name === name)
      const oldest = stats.oldestPending.get(name)
      return {
        name,
        limit: record?.limit ?? ResourceGroup.undeclaredLimit,
        order: orders.find(({ group }) => group === name)?.order ?? Order.defaultOrder,
        paused: record?.paused ?? false,
        kept: toKept(record === undefined ? undefined : Explain.whyKept(record, now)),
        slots: toWorkerSlots(claiming, name),
        scheduled: count(name, "scheduled"),
        pending: count(name, "pending"),
        running: count(name, "running"),
        completed: count(name, "completed"),
        failed: count(name, "failed"),
        cancelled: count(name, "cancelled"),
        oldestPendingMs: oldest === undefined ? null : Math.max(0, now - oldest),
        lastHour: toFigures(
          figures.find((group) => group.name === name),
          hourMs
        )
      }
    })
    const workers = alive.length
    if (json)
      return yield* out.json(QueueStatusShape, { store: queue.store.label, paused: stats.paused, workers, groups })
    if (out.quiet) return yield* out.lines(groups.map(({ name }) => name))
    yield* out.table(columns, groups, { wide })
    yield* sayKept(stats.groups, now)
    yield* sayHeld(groups)
    const pending = groups.reduce((sum, group) => sum + group.pending, 0)
    const state = yield* hint(
      `${workers === 0 ? (pending > 0 ? "no worker is alive (sluice worker -d starts one)" : "no worker is alive") : `${workers} ${workers === 1 ? "worker" : "workers"} alive`}${
        stats.paused ? "; the queue is paused (sluice queue resume)" : ""
      }`
    )
    yield* out.note(`${state}; ${Sanitize.line(queue.store.label)}`)
  })
