import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { collectTask, type CollectionReport, TaskQueue, type WorkerRecord } from "../../../services/Queue/index.ts"
import { aliveWorkers, workersArgument } from "../../AliveWorkers.ts"
import { fail } from "../../Failure.ts"
import { hint } from "../../Hint.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { MemoryCollectionShape } from "../../../api/MemoryShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"

/** What grew meanwhile was not freed. */
const freed = (n: number): string => HumanNumber.bytes(Math.max(0, n), "binary")

const why: Record<CollectionReport["reason"], string> = {
  asked: "asked",
  pays: "it paid",
  "little-garbage": "too little can be garbage",
  busy: "it is busy, and V8 collects as it allocates",
  "too-soon": "it collected a moment ago",
  unavailable: "its runtime cannot be told to collect"
}

const describe = (name: string, report: CollectionReport): string =>
  report.collected
    ? `${name} freed ${freed(report.freedHeapBytes)} of heap and ${freed(report.freedExternalBytes)} of buffers in ${HumanNumber.duration(report.pauseMs)}; its resident set is ${HumanNumber.bytes(Math.abs(report.freedRssBytes), "binary")} ${report.freedRssBytes < 0 ? "larger" : "smaller"}`
    : `${name} did not collect: ${why[report.reason]}`

/** A group whose jobs the worker runs, the one with most room in it now. */
const roomiest = ({ load, slots }: WorkerRecord, isOpen: (group: string) => boolean): string | undefined =>
  Object.entries(slots)
    .filter(([group, count]) => count > 0 && isOpen(group))
    .sort(([a, x], [b, y]) => y - (load?.busy[b] ?? 0) - (x - (load?.busy[a] ?? 0)))[0]?.[0]

export const gc = Command.make(
  "gc",
  {
    ifItPays: Flag.Boolean("if-it-pays").pipe(
      Flag.withoutNegation,
      Flag.withDescription("leave it to each worker: collect only when idle and when much can be garbage"),
      Flag.withDefault(false)
    ),
    timeout: JobFlags.durationFlag("timeout").pipe(
      Flag.withDescription("how long to wait for an answer (default 30s)"),
      Flag.withDefault(Duration.seconds(30))
    ),
    json: JobFlags.json,
    workers: workersArgument("; none: all that are alive")
  },
  Effect.fnUntraced(function* ({ ifItPays, json, timeout, workers: named }) {
    const out = yield* output
    const queue = yield* TaskQueue
    const chosen = yield* aliveWorkers(named)
    if (chosen.length === 0)
      return yield* out.note(yield* hint("no worker is alive; start one in the background with: sluice worker -d"))
    const { groups, paused } = yield* queue.stats
    if (paused)
      return yield* fail("conflict", "the queue is paused, and a request travels as a job; sluice queue resume")
    const isOpen = (group: string) => !groups.some(({ name, paused }) => name === group && paused)

    const ask = (worker: WorkerRecord) =>
      Effect.gen(function* () {
        const name = Sanitize.line(worker.name)
        const task = collectTask(worker.host, worker.pid)
        const group = roomiest(worker, isOpen)
        if (!worker.tasks.includes(task.name))
          return `${name} takes no such requests; its program needs Sluice.layerCollectOnRequest`
        if (group === undefined) return `${name} has no slots in a group that is not paused`
        const job = yield* queue.enqueue(task, { ifItPays }, { group, expiresIn: timeout })
        const report: Option.Option<CollectionReport | string> = yield* job.await.pipe(
          Effect.catch((error) => Effect.succeed(error.message)),
          Effect.timeoutOption(timeout)
        )
        yield* Effect.ignore(Option.isNone(report) ? job.cancel("nobody waits for it any more") : queue.remove(job.id))
        if (Option.isNone(report))
          return `${name} did not answer within ${Duration.format(timeout)}: its slots of ${group} are busy`
        if (typeof report.value === "string") return `${name}: ${Sanitize.line(report.value)}`
        const { value } = report
        if (json) yield* out.json(MemoryCollectionShape, { session: worker.session, name: worker.name, ...value })
        else yield* out.line(describe(name, value))
        return undefined
      })

    const unanswered = (yield* Effect.forEach(chosen, ask, { concurrency: 8 })).filter((line) => line !== undefined)
    for (const line of unanswered) yield* out.note(`sluice: ${line}`)
    if (unanswered.length > 0)
      return yield* fail("failure", `${unanswered.length} of ${chosen.length} workers did not collect`)
  }, looking)
).pipe(
  Command.withDescription(
    "Asks workers, wherever they run, to collect garbage, and says what each freed and how long it stood still."
  ),
  Command.withExamples([
    { command: "sluice memory gc", description: "all workers of the store" },
    { command: "sluice memory gc --if-it-pays", description: "only those that are idle and have much to free" }
  ])
)
