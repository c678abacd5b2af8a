/**
 * A worker: claims jobs for the tasks this process has handlers for and runs them, each in a fiber, a thread or a
 * process.
 *
 * Claims come in batches up to the free slots of each group; a slot is free when its handler ends, and the settle rides
 * in the turn that refills it. Leases are renewed apart from the handlers. When the layer closes the worker stops
 * gracefully: it claims no more, waits for running jobs up to the grace period, interrupts the rest and hands those
 * back unspent.
 */
import { Context, type Duration, type Effect } from "effect"
import type { BeyondLimit } from "../Store/Turn.ts"
import type { JobId } from "./Job.ts"
import * as Bounds from "./policy/Bounds.ts"
import * as Durations from "./policy/Durations.ts"
import type { SlotBounds } from "./policy/PoolSize.ts"
import { defaultTotalSlots, type SlotAsk, type SlotDecision, type SlotMover } from "./policy/SlotDecision.ts"

export interface WorkerOptions {
  /** Shown to operators; at most 200 characters. Default `host:pid`. */
  readonly name?: string
  /**
   * Slots per group of this worker, at most 100,000 each. A group that nobody knows yet is warned of. Groups not named
   * get as many as the group's limit. `"*"` sets the default for those; 0 leaves a group to others. With bounds (not
   * for `"*"`) the number starts at `min` and moves while the worker runs, as jobs wait and slots idle
   * (`policy/PoolSize.ts`) or, with `tune: true`, to where most jobs complete (`policy/Concurrency.ts`).
   */
  readonly slots?: Readonly<Record<string, number | SlotBounds>>
  /**
   * Slots of all groups together that are filled at a time, a batch as one; 1 to 100,000. While it binds, the groups
   * share it evenly and take turns. Default 1,000, or the slots declared above for named groups together (of bounds the
   * `max`) where those are more: a program with a few groups does not meet it, one with a group per customer is
   * bounded. It is enough for 10,000 jobs a second that take 100 ms each.
   */
  readonly totalSlots?: number
  /** Threads for CPU-bound handlers, at most 1,024. Default: one less than the cores, at least one. */
  readonly threads?: number
  /** When a thread is replaced by a fresh one: what handlers leave behind goes with it. Looked at after each job. */
  readonly recycleThreads?: {
    /** After so many jobs. Default 500. */
    readonly jobs?: number
    /** Once it is so old. Default 30 minutes. */
    readonly age?: Duration.Input
    /** When its heap, garbage included, is larger, in MiB. Default 256, half of what a thread may have. */
    readonly heapMb?: number
  }
}

const optionNames: ReadonlySet<string> = new Set<keyof WorkerOptions>([
  "name",
  "slots",
  "totalSlots",
  "threads",
  "recycleThreads"
])
const boundNames: ReadonlySet<string> = new Set<keyof SlotBounds>(["min", "max", "tune"])
const recycleNames: ReadonlySet<string> = new Set(["jobs", "age", "heapMb"])
/** In MiB: a terabyte. */
const largestHeapMb = 1_048_576

const checkSlots = (group: string, slots: number | SlotBounds): void => {
  if (group !== "*") Bounds.name("a group's name in slots", group)
  const what = `slots of group ${JSON.stringify(group)}`
  if (typeof slots === "number") {
    Bounds.whole(what, slots, 0, Bounds.mostSlots)
    return
  }
  if (group === "*") Bounds.refuse(what, slots, "a number; only the slots of a named group can move")
  Bounds.fields(what, slots, boundNames)
  Bounds.whole(`${what}: min`, slots.min, 0, Bounds.mostSlots)
  Bounds.whole(`${what}: max`, slots.max, Math.max(1, slots.min), Bounds.mostSlots)
  if (slots.tune !== undefined) Bounds.boolean(`${what}: tune`, slots.tune)
}

/** The options, within their bounds. Throws `OutOfBounds`, a `RangeError`. */
export const checkOptions = (options: WorkerOptions = {}): WorkerOptions => {
  Bounds.fields("worker options", options, optionNames)
  const { name, recycleThreads, slots, threads, totalSlots } = options
  if (name !== undefined) Bounds.label("a worker's name", name)
  if (slots !== undefined) {
    if (typeof slots !== "object" || slots === null)
      throw new Bounds.OutOfBounds(`slots is ${Bounds.shown(slots)}; expected slots by group, like { network: 20 }`)
    for (const [group, each] of Bounds.orRefuse("slots", () => Object.entries(slots))) checkSlots(group, each)
  }
  if (totalSlots !== undefined) Bounds.whole("totalSlots", totalSlots, 1, Bounds.mostSlots)
  if (threads !== undefined) Bounds.whole("threads", threads, 1, Bounds.mostThreads)
  if (recycleThreads !== undefined) {
    Bounds.fields("recycleThreads", recycleThreads, recycleNames)
    const { age, heapMb, jobs } = recycleThreads
    if (jobs !== undefined) Bounds.whole("recycleThreads.jobs", jobs, 1, Number.MAX_SAFE_INTEGER)
    if (age !== undefined) Durations.duration("recycleThreads.age", age, 1)
    if (heapMb !== undefined) Bounds.real("recycleThreads.heapMb", heapMb, 1, largestHeapMb)
  }
  return options
}

/** `WorkerOptions.totalSlots`, or its default. */
export const totalSlotsOf = ({ slots = {}, totalSlots }: Pick<WorkerOptions, "slots" | "totalSlots">): number => {
  if (totalSlots !== undefined) return totalSlots
  const named = Object.entries(slots).filter(([group]) => group !== "*")
  const declared = named.reduce((sum, [, each]) => sum + (typeof each === "number" ? each : each.max), 0)
  return Math.max(defaultTotalSlots, declared)
}

export interface RunningJob {
  readonly id: JobId
  readonly task: string
  readonly group: string
  readonly attempt: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

/** What a group's slots do. */
export interface GroupLoad {
  readonly group: string
  /** As many as were asked for, within the worker's total. */
  readonly slots: number
  /** How many of them are filled, and what decides that. */
  readonly decision: SlotDecision
  readonly busy: number
  /** How often a slot was free again since the worker began: attempts that ended, a batch counted once. */
  readonly finished: number
  /** Jobs that completed since the worker began, each of a batch counted. */
  readonly succeeded: number
}

export interface WorkerStatus {
  readonly session: number
  /**
   * Its lease was renewed in time. Otherwise it stood still, or cannot reach its store: it takes on nothing until it
   * has renewed.
   */
  readonly isFresh: boolean
  readonly name: string
  readonly state: "running" | "draining" | "stopped"
  readonly running: ReadonlyArray<RunningJob>
  /** By group: as many as were asked for, within the worker's total. */
  readonly slots: Readonly<Record<string, number>>
  /** How many slots of all groups together are filled, and what decides that. */
  readonly total: SlotDecision
}

export class Worker extends Context.Service<
  Worker,
  {
    readonly status: Effect.Effect<WorkerStatus>
    readonly loads: Effect.Effect<ReadonlyArray<GroupLoad>>
    /** Claims no more; completes when nothing runs. */
    readonly drain: Effect.Effect<void>
    /** A stop, under way or to come, waits for nothing: what runs is interrupted and handed back unspent. */
    readonly hurry: Effect.Effect<void>
    /**
     * Asks for slots of a group, 0 to 100,000, in the name of who proposes them, with a reason of at most 200
     * characters; undefined takes that back. Who is followed, and what else bounds it, says `policy/SlotDecision.ts`.
     * Jobs beyond a smaller number finish. Dies of `OutOfBounds`, a `RangeError`, for what is none of these.
     */
    readonly propose: (group: string, source: SlotMover, ask: SlotAsk | undefined) => Effect.Effect<void>
    /**
     * The program's own proposal, which goes before all others: changes the slots of a group while running. Undefined
     * takes it back: as they were declared, or as pool or scaler say. `beyond`: see `BeyondLimit`.
     */
    readonly setSlots: (group: string, slots: number | undefined, beyond?: BeyondLimit) => Effect.Effect<void>
    /** Completes when this worker was asked to drain (by an operator) and has finished. */
    readonly awaitDrained: Effect.Effect<void>
  }
>()("sluice/services/Queue/Worker") {}
