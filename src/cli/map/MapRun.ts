/**
 * One run of a map: puts its lines into the queue a window at a time, hears how each ends, prints and records it. What
 * a killed run left in the store is taken over: live jobs are awaited, ended ones printed.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import {
  type BeyondLimit,
  type EnqueueOptions,
  JobFailed,
  type JobHandle,
  type JobId,
  request,
  type ShellCommand,
  type ShellResult,
  type ShellTask,
  TaskQueue,
  type Worker
} from "../../services/Queue/index.ts"
import { type CommandEnd, commandEnd } from "../CommandEnd.ts"
import { ExitCode } from "../ExitCode.ts"
import type { Signal } from "../Signals.ts"
import { type Halt, isReached } from "./Halt.ts"
import type { MapInput } from "./MapInput.ts"
import type { MapInputs } from "./MapInputs.ts"
import type { Printing } from "./Printing.ts"

/** A job's header with the number of its line, from 1. */
export const lineHeader = "sluice-line"

/**
 * Jobs enqueued and not ended, per slot and at least and at most: enough that no slot waits for input, few enough to
 * forget.
 */
const windowPerSlot = 4
const windowLeast = 64
const windowMost = 1000
/** With `--keep-order`: ends held back for an earlier line before no more lines are enqueued. */
const heldMost = 10_000
/** The same in bytes of their logs: less than a store keeps, so that none goes before it is printed. */
const heldBytesMost = 4 * 1024 ** 3
/** How often a line is tried again whose worker died under it. */
const lostMost = 3
/** Ends are made safe from a crash of the machine this often. */
const syncEvery = "1 second"

/** A line on its way. */
export interface Line {
  readonly number: number
  readonly input: string
  readonly command: ReadonlyArray<string>
}

export interface EndedLine extends Line {
  readonly end: CommandEnd
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

export type Words = readonly [string, ...Array<string>]

export interface MapPlan {
  readonly pull: MapInputs["pull"]
  /** Takes the next input: whether the list up to it is the one an earlier run has worked on. */
  readonly isSame: (text: string) => boolean
  /** From this line on it is another list: what is known of them is forgotten. */
  readonly differs: (number: number) => Effect.Effect<void, unknown>
  /** Batch key of the jobs. */
  readonly batch: string
  readonly group: string
  readonly slots: number
  readonly options: EnqueueOptions
  readonly keepOrder: boolean
  readonly printing: Printing
  readonly halt: Halt | undefined
  /** How many lines there are, where that is known. */
  readonly total: number | undefined
  /** Completes when the next command may start; undefined: at once. */
  readonly mayStart: Effect.Effect<void> | undefined
  /** See `BeyondLimit`. */
  readonly beyond: BeyondLimit | undefined
  readonly grace: Duration.Duration
  /**
   * Whether an earlier run has finished the line; asked once for each, in their order. Its output is printed then, in
   * its turn.
   */
  readonly isFinished: (number: number, input: MapInput) => Effect.Effect<boolean>
  /** The job an earlier run left of a line, if it can be gone on with. */
  readonly left: (number: number) => Effect.Effect<JobId | undefined>
  /** The line as a command, or why there is none: that is said of this line alone. */
  readonly commandOf: (input: MapInput, number: number, slot: number) => Result.Result<Words, string>
  /** A command needs to know the slot it will have, so none is enqueued before one is free. */
  readonly namesSlots: boolean
  readonly payloadOf: (command: Words) => ShellCommand
}

/** Who hears of it. */
export interface MapReport {
  /** So many lines were read, `finished` of them by an earlier run. */
  readonly read: (lines: number, finished: number) => Effect.Effect<void>
  /**
   * The line has ended, and its job where one was made of it; answers what prints its output and then records it as
   * finished, and the bytes that are to be printed.
   */
  readonly ended: (
    line: EndedLine,
    id: JobId | undefined
  ) => { readonly block: Effect.Effect<void>; readonly bytes: number }
  readonly sync: Effect.Effect<void>
  readonly stopping: (signal: Signal) => Effect.Effect<void>
  /** The line's process was lost, by no fault of its command, and is started another time. */
  readonly repeated: (line: Line, why: string) => Effect.Effect<void>
}

export interface MapOutcome {
  /** Lines read. */
  readonly read: number
  /** The input ended. */
  readonly isWhole: boolean
  /** Lines whose worker died too often: not finished, to be run again. */
  readonly lost: number
  readonly halted: boolean
  /** Exit code of the line that ended last. */
  readonly last: number
  readonly signal: Signal | undefined
}

/** When lines started in this process, told by the worker's listener. */
export class Starts {
  private readonly times = new Map<number, number>()

  /** True for the first attempt of a line. */
  started(number: number, at: number): boolean {
    const isFirst = !this.times.has(number)
    if (isFirst) this.times.set(number, at)
    return isFirst
  }

  take(number: number): number | undefined {
    const at = this.times.get(number)
    this.times.delete(number)
    return at
  }
}

/** Which of the slots a line has, from 1: the lowest that no other open line has. */
class SlotNumbers {
  private readonly lines = new Map<number, number>()
  private readonly taken = new Set<number>()

  take(line: number): number {
    let slot = 1
    while (this.taken.has(slot)) slot++
    this.taken.add(slot)
    this.lines.set(line, slot)
    return slot
  }

  free(line: number): void {
    this.taken.delete(this.lines.get(line) ?? 0)
    this.lines.delete(line)
  }
}

const nothing = new Uint8Array()

/** Of a line that no command can be made of. */
const neverRan: CommandEnd = {
  exitCode: ExitCode.usage,
  signal: 0,
  durationMs: 0,
  stdout: nothing,
  stderr: nothing,
  remark: ""
}

type Happening =
  | { readonly _tag: "Ended"; readonly line: Line; readonly id: JobId; readonly exit: Exit.Exit<ShellResult, unknown> }
  | { readonly _tag: "Refused"; readonly line: Line; readonly why: string }
  | { readonly _tag: "AllEnqueued" }
  | { readonly _tag: "AllPrinted" }
  | { readonly _tag: "Failed"; readonly cause: Cause.Cause<unknown> }
  | { readonly _tag: "Signal"; readonly signal: Signal }
  | { readonly _tag: "GraceOver" }

type Handle = JobHandle<ShellResult, unknown, unknown>

/** What befell the worker of a line; undefined when the line ended otherwise. */
const lossOf = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return error instanceof JobFailed && error.failure.cause === "WorkerLost" ? error.failure.message : undefined
}

const isLost = (exit: Exit.Exit<unknown, unknown>): boolean => lossOf(exit) !== undefined

export const run = (
  plan: MapPlan,
  lane: { readonly task: ShellTask.ShellTask; readonly worker: Worker["Service"] },
  starts: Starts,
  report: MapReport,
  signals: Queue.Dequeue<Signal>
) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const happenings = yield* Queue.unbounded<Happening>()
    const room = yield* Queue.unbounded<void>()
    // With `--halt` no line may start before the end of the one before it was judged: none waits in the queue.
    const isNarrow = plan.halt !== undefined || plan.namesSlots || plan.mayStart !== undefined
    const window = isNarrow ? plan.slots : Math.min(windowMost, Math.max(windowLeast, plan.slots * windowPerSlot))
    const batchMost = isNarrow ? 1 : Math.max(1, window >> 1)
    const slotNumbers = new SlotNumbers()
    /** Enqueued or taken over, and not ended. */
    const open = new Map<number, JobId>()
    const losses = new Map<number, number>()
    /** Of ended lines that wait to be printed. */
    let heldBytes = 0
    let read = 0
    let isWhole = false
    let allEnqueued = false
    let lost = 0
    let last = 0
    let halted = false
    const ended = { failed: 0, succeeded: 0 }

    const hear = (line: Line, handle: Handle) => {
      open.set(line.number, handle.id)
      return Effect.forkScoped(
        Effect.exit(handle.await).pipe(
          Effect.flatMap((exit) => Queue.offer(happenings, { _tag: "Ended", line, id: handle.id, exit }))
        )
      )
    }

    // Producing ------------------------------------------------------------------------------------------------------

    const awaitRoom = Effect.gen(function* () {
      const isFull = () =>
        open.size >= window ||
        plan.printing.waiting() >= (plan.keepOrder ? heldMost : window) ||
        heldBytes >= heldBytesMost
      while (isFull()) yield* Queue.take(room)
    })

    const enqueue = (lines: ReadonlyArray<Line>) =>
      Effect.gen(function* () {
        const handles = yield* queue.enqueueAll(
          lines.map((line) =>
            request(lane.task, plan.payloadOf(line.command as Words), {
              ...plan.options,
              batchKey: plan.batch,
              tags: ["map"],
              headers: { [lineHeader]: String(line.number) }
            })
          )
        )
        for (const [i, line] of lines.entries()) yield* hear(line, handles[i] as Handle)
      })

    let isSame = true
    /** Of a chunk the lines that are still to be run. */
    const unfinished = (chunk: ReadonlyArray<MapInput>) =>
      Effect.gen(function* () {
        const from = read
        for (const { text } of chunk) {
          const same = plan.isSame(text)
          if (!same && isSame) yield* plan.differs(read + 1)
          isSame = same
          read++
        }
        const numbers: Array<number> = []
        for (const [i, input] of chunk.entries())
          if (!(yield* plan.isFinished(from + i + 1, input))) numbers.push(from + i + 1)
        yield* report.read(chunk.length, chunk.length - numbers.length)
        return numbers.map((number) => ({ number, input: chunk[number - from - 1]! }))
      })
    const produceChunk = (chunk: ReadonlyArray<MapInput>) =>
      Effect.gen(function* () {
        let batch: Array<Line> = []
        const flush = Effect.gen(function* () {
          const lines = batch
          batch = []
          if (lines.length === 0) return
          yield* awaitRoom
          if (plan.mayStart !== undefined) yield* plan.mayStart
          yield* enqueue(lines)
        })
        for (const { input, number } of yield* unfinished(chunk)) {
          const left = yield* plan.left(number)
          if (plan.namesSlots) yield* awaitRoom
          const command = plan.commandOf(input, number, plan.namesSlots ? slotNumbers.take(number) : 0)
          const line = { number, input: input.text, command: Result.getOrElse(command, () => []) }
          if (left !== undefined) yield* hear(line, queue.job(lane.task, left))
          else if (Result.isFailure(command))
            yield* Queue.offer(happenings, { _tag: "Refused", line, why: command.failure })
          else batch.push(line)
          if (batch.length >= batchMost) yield* flush
        }
        yield* flush
      })

    const produce = Effect.forever(Effect.flatMap(plan.pull, produceChunk)).pipe(
      Pull.catchDone(() =>
        Effect.suspend(() => {
          isWhole = true
          return Queue.offer(happenings, { _tag: "AllEnqueued" })
        })
      ),
      Effect.catchCause((cause) => Queue.offer(happenings, { _tag: "Failed", cause }))
    )

    // Ends -----------------------------------------------------------------------------------------------------------

    const print = (line: EndedLine, id?: JobId) => {
      const { block, bytes } = report.ended(line, id)
      heldBytes += bytes
      plan.printing.end(
        line.number,
        Effect.tap(block, () =>
          Effect.sync(() => {
            heldBytes -= bytes
          })
        )
      )
    }

    const onEnd = (line: Line, id: JobId, exit: Exit.Exit<ShellResult, unknown>) =>
      Effect.gen(function* () {
        const end = commandEnd(exit)
        // Removed by us when stopping, or the store failed: the line is not finished.
        if (end === undefined) {
          plan.printing.giveUp(line.number)
          return Exit.isFailure(exit) && !isGone(exit.cause) ? yield* Effect.failCause(exit.cause) : undefined
        }
        if (!halted) last = end.exitCode
        if (end.exitCode === 0) ended.succeeded++
        else ended.failed++
        const startedAt = starts.take(line.number) ?? (yield* Clock.currentTimeMillis) - end.durationMs
        print({ ...line, end, startedAt }, id)
      })

    const onRefused = (line: Line, why: string) =>
      Effect.gen(function* () {
        ended.failed++
        if (!halted) last = neverRan.exitCode
        const startedAt = yield* Clock.currentTimeMillis
        print({ ...line, end: { ...neverRan, remark: why }, startedAt })
      })

    // Stopping -------------------------------------------------------------------------------------------------------

    const producer = yield* Effect.forkScoped(produce)
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.flatMap(Queue.take(signals), (signal) => Queue.offer(happenings, { _tag: "Signal", signal }))
      )
    )
    yield* Effect.forkScoped(
      plan.printing
        .run(Queue.offer(room, undefined).pipe(Effect.asVoid))
        .pipe(Effect.catchCause((cause) => Queue.offer(happenings, { _tag: "Failed", cause })))
    )
    yield* Effect.forkScoped(Effect.repeat(report.sync, Schedule.spaced(syncEvery)))
    yield* lane.worker.setSlots(plan.group, plan.slots, plan.beyond)

    const mine = { batchKey: plan.batch }
    /** Nothing new starts; what has not started leaves the store again. */
    const startNoMore = Effect.gen(function* () {
      yield* lane.worker.setSlots(plan.group, 0)
      yield* Fiber.interrupt(producer)
      allEnqueued = true
      yield* queue.removeWhere({ ...mine, states: ["scheduled", "pending"] })
    })
    const endRunning = Effect.asVoid(queue.cancelWhere({ ...mine, states: ["running"] }, "the map was stopped"))

    const stopFor = (signal: Signal) =>
      Effect.gen(function* () {
        yield* report.stopping(signal)
        yield* startNoMore
        yield* Effect.forkScoped(
          Effect.andThen(Effect.sleep(plan.grace), Queue.offer(happenings, { _tag: "GraceOver" }))
        )
      })

    let signal: Signal | undefined
    let awaitsPrinting = false
    let allPrinted = false
    const outcome = (): MapOutcome => ({ read, isWhole, lost, halted, last, signal })
    const haltWhenReached = Effect.suspend(() => {
      if (halted || plan.halt === undefined || !isReached(plan.halt, ended, plan.total)) return Effect.void
      halted = true
      return plan.halt.when === "now" ? Effect.andThen(startNoMore, endRunning) : startNoMore
    })
    while (!allPrinted) {
      if (allEnqueued && open.size === 0 && !awaitsPrinting) {
        awaitsPrinting = true
        yield* Effect.forkScoped(
          Effect.andThen(plan.printing.settled, Queue.offer(happenings, { _tag: "AllPrinted" as const }))
        )
      }
      const happening = yield* Queue.take(happenings)
      switch (happening._tag) {
        case "AllPrinted":
          allPrinted = true
          break
        case "AllEnqueued":
          allEnqueued = true
          break
        case "Failed":
          return yield* Effect.failCause(happening.cause)
        case "Signal":
          if (signal !== undefined) return outcome()
          signal = happening.signal
          yield* stopFor(signal)
          break
        case "GraceOver":
          return outcome()
        case "Refused":
          slotNumbers.free(happening.line.number)
          yield* onRefused(happening.line, happening.why)
          yield* haltWhenReached
          break
        case "Ended": {
          const { exit, id, line } = happening
          if (halted && plan.halt?.when === "now" && isCancelled(exit)) {
            open.delete(line.number)
            plan.printing.giveUp(line.number)
            break
          }
          if (isLost(exit) && signal === undefined && !halted) {
            const times = (losses.get(line.number) ?? 0) + 1
            losses.set(line.number, times)
            if (times <= lostMost) {
              yield* report.repeated(line, lossOf(exit)!)
              yield* queue.retry(id)
              yield* hear(line, queue.job(lane.task, id))
              break
            }
          }
          open.delete(line.number)
          slotNumbers.free(line.number)
          if (isLost(exit)) {
            lost++
            plan.printing.giveUp(line.number)
          } else yield* onEnd(line, id, exit)
          yield* Queue.offer(room, undefined)
          yield* haltWhenReached
        }
      }
    }
    return outcome()
  })

const isGone = (cause: Cause.Cause<unknown>): boolean => {
  const error = Cause.squash(cause)
  return typeof error === "object" && error !== null && "_tag" in error && error._tag === "JobNotFound"
}

const isCancelled = (exit: Exit.Exit<unknown, unknown>): boolean => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return error instanceof JobFailed && error.state === "cancelled"
}
