/**
 * One run of a map: puts its lines into the queue a window at a time, hears how each ends, prints and records it. What a killed run
 * left in the store is taken over: live jobs are awaited, ended ones printed.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import {
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
import type { CommandFailure } from "../Failure.ts"
import type { Signal } from "../Signals.ts"
import { type Halt, isReached } from "./Halt.ts"
import type { Printing } from "./Printing.ts"
import type { MapInputs } from "./MapInputs.ts"

/** A job's header with the number of its line, from 1. */
export const lineHeader = "sluice-line"

/** Jobs enqueued and not ended, per slot and at least and at most: enough that no slot waits for input, few enough to forget. */
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

export interface MapPlan {
  readonly inputs: MapInputs
  /** Batch key of the jobs. */
  readonly batch: string
  readonly group: string
  readonly slots: number
  readonly options: EnqueueOptions
  readonly keepOrder: boolean
  readonly printing: Printing
  readonly halt: Halt | undefined
  readonly grace: Duration.Duration
  /** Whether an earlier run has finished the line; asked once for each, in their order. Its output is printed then, in its turn. */
  readonly isFinished: (number: number, input: string) => Effect.Effect<boolean>
  /** The job an earlier run left of a line, if it can be gone on with. */
  readonly left: (number: number, input: string) => Effect.Effect<JobId | undefined>
  /** The line as a command. Throws `CommandFailure`. */
  readonly commandOf: (input: string, number: number) => readonly [string, ...Array<string>]
  readonly payloadOf: (command: readonly [string, ...Array<string>]) => ShellCommand
}

/** Who hears of it. */
export interface MapReport {
  /** The line has ended; answers what prints its output and then records it as finished, and the bytes that are to be printed. */
  readonly ended: (line: EndedLine, id: JobId) => { readonly block: Effect.Effect<void>; readonly bytes: number }
  readonly sync: Effect.Effect<void>
  readonly stopping: (signal: Signal) => Effect.Effect<void>
}

export interface MapOutcome {
  /** Lines whose worker died too often: not finished, to be run again. */
  readonly lost: number
  readonly halted: boolean
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

type Happening =
  | { readonly _tag: "Ended"; readonly line: Line; readonly id: JobId; readonly exit: Exit.Exit<ShellResult, unknown> }
  | { readonly _tag: "AllEnqueued" }
  | { readonly _tag: "AllPrinted" }
  | { readonly _tag: "Failed"; readonly cause: Cause.Cause<unknown> }
  | { readonly _tag: "Signal"; readonly signal: Signal }
  | { readonly _tag: "GraceOver" }

type Handle = JobHandle<ShellResult, unknown, unknown>

const isLost = (exit: Exit.Exit<unknown, unknown>): boolean => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return error instanceof JobFailed && error.failure.cause === "WorkerLost"
}

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
    const window =
      plan.halt !== undefined ? plan.slots : Math.min(windowMost, Math.max(windowLeast, plan.slots * windowPerSlot))
    const batchMost = plan.halt !== undefined ? 1 : Math.max(1, window >> 1)
    /** Enqueued or taken over, and not ended. */
    const open = new Map<number, JobId>()
    const losses = new Map<number, number>()
    /** Of ended lines that wait to be printed. */
    let heldBytes = 0
    let allEnqueued = false
    let lost = 0
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
            request(lane.task, plan.payloadOf(line.command as readonly [string, ...Array<string>]), {
              ...plan.options,
              batchKey: plan.batch,
              tags: ["map"],
              headers: { [lineHeader]: String(line.number) }
            })
          )
        )
        for (const [i, line] of lines.entries()) yield* hear(line, handles[i] as Handle)
      })

    const produce = Effect.gen(function* () {
      const inputs = plan.inputs.read()[Symbol.asyncIterator]()
      let batch: Array<Line> = []
      for (let number = 1; ; number++) {
        const next = yield* Effect.promise(() => inputs.next())
        if (next.done !== true && !(yield* plan.isFinished(number, next.value))) {
          const input = next.value
          const command = yield* Effect.try({
            try: () => plan.commandOf(input, number),
            catch: (error) => error as CommandFailure
          })
          const line = { number, input, command }
          const left = yield* plan.left(number, input)
          if (left === undefined) batch.push(line)
          else yield* hear(line, queue.job(lane.task, left))
        }
        if (batch.length >= batchMost || (next.done === true && batch.length > 0)) {
          yield* awaitRoom
          yield* enqueue(batch)
          batch = []
        }
        if (next.done === true) break
      }
      yield* Queue.offer(happenings, { _tag: "AllEnqueued" })
    }).pipe(Effect.catchCause((cause) => Queue.offer(happenings, { _tag: "Failed", cause })))

    // Ends -----------------------------------------------------------------------------------------------------------

    const print = (line: EndedLine, id: JobId) => {
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
        if (end.exitCode === 0) ended.succeeded++
        else ended.failed++
        const startedAt = starts.take(line.number) ?? (yield* Clock.currentTimeMillis) - end.durationMs
        print({ ...line, end, startedAt }, id)
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
    yield* lane.worker.setSlots(plan.group, plan.slots)

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
    let halted = false
    let awaitsPrinting = false
    let allPrinted = false
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
          if (signal !== undefined) return { lost, halted, signal } satisfies MapOutcome
          signal = happening.signal
          yield* stopFor(signal)
          break
        case "GraceOver":
          return { lost, halted, signal } satisfies MapOutcome
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
              yield* queue.retry(id)
              yield* hear(line, queue.job(lane.task, id))
              break
            }
          }
          open.delete(line.number)
          if (isLost(exit)) {
            lost++
            plan.printing.giveUp(line.number)
          } else yield* onEnd(line, id, exit)
          yield* Queue.offer(room, undefined)
          if (!halted && plan.halt !== undefined && isReached(plan.halt, ended)) {
            halted = true
            yield* startNoMore
            if (plan.halt.when === "now") yield* endRunning
          }
        }
      }
    }
    return { lost, halted, signal } satisfies MapOutcome
  })

const isGone = (cause: Cause.Cause<unknown>): boolean => {
  const error = Cause.squash(cause)
  return typeof error === "object" && error !== null && "_tag" in error && error._tag === "JobNotFound"
}

const isCancelled = (exit: Exit.Exit<unknown, unknown>): boolean => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return error instanceof JobFailed && error.state === "cancelled"
}
