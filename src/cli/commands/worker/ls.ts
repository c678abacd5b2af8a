import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import {
  decisionOf,
  isCollectTask,
  type JobId,
  SlotDecisions,
  TaskQueue,
  type WorkerRecord
} from "../../../services/Queue/index.ts"
import { hint } from "../../Hint.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { toWorkerShape, workerState, WorkerShape } from "../../../api/WorkerShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import { relativeTime } from "../../terminal/RelativeTime.ts"
import type { Column } from "../../terminal/Table.ts"

type Busy = Readonly<Record<string, number>>

/** Of each group how many of the slots that are filled run something, and what holds them below what was asked for. */
const pairs = (worker: WorkerRecord, busy: Busy): string =>
  Object.keys(worker.slots)
    .flatMap((group) => {
      const decision = decisionOf(worker, group)
      if (decision === undefined || decision.asked.slots === 0) return []
      const held = SlotDecisions.isHeld(decision) ? ` ${decision.by.source}` : ""
      return [`${group} ${busy[group] ?? 0}/${decision.slots}${held}`]
    })
    .join(", ")

/**
 * Running jobs by session and group, as the store has them now: what workers say of themselves is as old as their last
 * beat.
 */
const busyBySession = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const sessions = new Map<number, Record<string, number>>()
  let cursor: JobId | undefined
  do {
    const page = yield* queue.list(
      { states: ["running"] },
      { limit: 1_000, order: "oldest", ...(cursor !== undefined && { cursor }) }
    )
    for (const { group, session } of page.jobs) {
      if (session === undefined) continue
      const busy = sessions.get(session) ?? {}
      busy[group] = (busy[group] ?? 0) + 1
      sessions.set(session, busy)
    }
    cursor = page.next
  } while (cursor !== undefined)
  return (session: number): Busy => sessions.get(session) ?? {}
})

const columns = (busy: (session: number) => Busy, now: number): ReadonlyArray<Column<WorkerRecord>> => [
  { header: "session", value: ({ session }) => String(session), align: "right" },
  { header: "name", value: ({ name }) => name, minimum: 10 },
  {
    header: "state",
    value: (worker) =>
      worker.suspended === undefined
        ? workerState(worker, now)
        : `suspended since ${HumanNumber.duration(now - worker.suspended.since)}`,
    style: (cell, worker, style) => {
      const state = workerState(worker, now)
      if (state === "alive") return style.good(cell)
      return state === "gone" || state === "expired" ? style.bad(cell) : style.warning(cell)
    }
  },
  { header: "running", value: (worker) => pairs(worker, busy(worker.session)), minimum: 12 },
  { header: "tasks", value: ({ tasks }) => tasks.filter((task) => !isCollectTask(task)).join(", ") },
  { header: "started", value: ({ startedAt }) => relativeTime(startedAt, now), align: "right" },
  { header: "beat", value: ({ lastBeat }) => relativeTime(lastBeat, now), align: "right" },
  {
    header: "cpu",
    value: ({ load }) => (load === undefined ? HumanNumber.unknown : HumanNumber.percent(load.cpu)),
    align: "right"
  },
  {
    header: "memory",
    value: ({ load }) => (load === undefined ? HumanNumber.unknown : HumanNumber.bytes(load.rssBytes)),
    align: "right"
  },
  { header: "pid", value: ({ pid }) => String(pid), align: "right" },
  { header: "host", value: ({ host }) => host, wide: true },
  { header: "version", value: ({ version }) => version, wide: true },
  {
    header: "loop delay",
    value: ({ load }) => (load === undefined ? HumanNumber.unknown : HumanNumber.duration(load.loopDelayMs)),
    align: "right",
    wide: true
  }
]

export const ls = Command.make(
  "ls",
  { json: JobFlags.json, wide: JobFlags.wide },
  Effect.fnUntraced(function* ({ json, wide }) {
    const out = yield* output
    const workers = yield* TaskQueue.use((queue) => queue.workers)
    const busy = yield* busyBySession
    const now = yield* Clock.currentTimeMillis
    if (json) {
      for (const worker of workers) yield* out.json(WorkerShape, toWorkerShape(worker, busy(worker.session), now))
    } else if (out.quiet) yield* out.lines(workers.map(({ session }) => String(session)))
    else if (workers.length === 0)
      yield* out.note(yield* hint("no worker is alive; start one in the background with: sluice worker -d"))
    else yield* out.table(columns(busy, now), workers, { wide })
  }, looking)
).pipe(
  Command.withDescription("Lists workers with what they run and how they are."),
  Command.withExamples([
    { command: "sluice worker ls" },
    { command: "sluice worker ls --json", description: "for programs" }
  ])
)
