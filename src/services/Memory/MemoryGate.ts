/**
 * The door between new jobs and this process's memory. It knows how near the memory's end is; enqueues ask it, workers
 * fill fewer slots when it says so, caches and pools are shrunk by it.
 *
 * Asking costs a comparison and a subtraction. It looks at the memory itself (about 2 µs) after so many new jobs as the
 * room allows, at least every 4096, and with the worker's tick of 250 ms; a process without a worker looks only when it
 * enqueues. A process that is idle is never woken for it.
 */
import { Context } from "effect"
import type { MemoryReading, NearestLimit, PressureLevel } from "./policy/MemoryPressure.ts"
import type { CollectionVerdict } from "./policy/CollectionPays.ts"

/** Why a new job is not taken in. One object while the door is shut and its hint is true. */
export interface MemoryRefusal {
  readonly nearest: NearestLimit
  readonly usedBytes: number
  readonly limitBytes: number
  /** When to come again, in milliseconds. */
  readonly retryAfterMs: number
}

/** Something that can give memory back: a cache, a pool. */
export interface Shrinkable {
  readonly name: string
  /**
   * Gives back what it can spare at this level (never `ok`), at once and without waiting; answers how many entries or
   * objects that were. Called when the level rises, and each second while it is `high` or `critical`. What it throws is
   * logged.
   */
  readonly shrink: (level: PressureLevel) => number
}

/** What a full collection brought, or why there was none. */
export interface CollectionReport {
  /**
   * `asked`: done because someone said so. `unavailable`: this runtime cannot be told to collect. Else as the policy
   * decided.
   */
  readonly reason: CollectionVerdict | "asked" | "unavailable"
  readonly collected: boolean
  /** How long the program stood still, in milliseconds. */
  readonly pauseMs: number
  /** Of the whole heap, before minus after; negative when it grew meanwhile. */
  readonly freedHeapBytes: number
  /** Of buffers and the like outside the heap. */
  readonly freedExternalBytes: number
  /** Of the resident set: what the system has back by then. More may follow, as V8 returns pages later. */
  readonly freedRssBytes: number
}

export interface HeapSpace {
  readonly name: string
  readonly usedBytes: number
  readonly sizeBytes: number
}

/** The memory of this process in full. */
export interface MemorySnapshot {
  /** The whole heap, young generation included. */
  readonly heapUsedBytes: number
  readonly heapTotalBytes: number
  readonly spaces: ReadonlyArray<HeapSpace>
  /** Outside the heap, held by objects in it; `arrayBuffersBytes` is a part of it. */
  readonly externalBytes: number
  readonly arrayBuffersBytes: number
  readonly rssBytes: number
  /** Undefined: not in a container with a limit. */
  readonly container: { readonly version: 1 | 2; readonly usedBytes: number; readonly limitBytes: number } | undefined
}

/** Where the gate reads from; tests give one that says what they want. */
export interface MemoryProbe {
  /** Cheap: called between jobs. */
  readonly read: () => MemoryReading
  readonly nearestOutside: () => NearestLimit
  readonly snapshot: () => MemorySnapshot
  /** Collects everything, at once. False: cannot. */
  readonly collect: () => boolean
  /** Share of the time the event loop worked since the last call, 0 to 1. */
  readonly utilization: () => number
}

/** The probe the gate's layer reads from. Default: this process. */
export const Probe = Context.Reference<MemoryProbe | undefined>("sluice/services/Memory/MemoryGate/Probe", {
  defaultValue: () => undefined
})

/** How heap and resident set have moved. A rise says little until it has outlasted several collections. */
export interface MemoryTrend {
  /** Time between the first and the last sample, in milliseconds; at most 5 minutes. */
  readonly spanMs: number
  /** Taken at most once a second. */
  readonly samples: number
  /** Bytes per second by least squares; undefined with fewer than two samples. */
  readonly heapBytesPerSecond: number | undefined
  readonly rssBytesPerSecond: number | undefined
}

export interface PressureState {
  readonly level: PressureLevel
  /** Of the nearest limit, 0 to 1, garbage included. */
  readonly share: number
  readonly nearest: NearestLimit
  readonly heapUsedBytes: number
  readonly heapLimitBytes: number
  readonly memoryUsedBytes: number
  readonly memoryLimitBytes: number
  /** When the level began, in milliseconds since 1970. */
  readonly since: number
  /** Calls that were refused, since the gate was made. */
  readonly refused: number
  /** Full collections the gate has made. */
  readonly collections: number
  readonly collectionPauseMs: number
}

export interface Gate {
  /** Asked before so many new jobs are stored; undefined: come in. */
  readonly refusal: (jobs: number) => MemoryRefusal | undefined
  readonly level: () => PressureLevel
  /**
   * Looks at the memory now, and collects when the level is not `ok`, the process idle and much may be garbage. Called
   * by the worker's tick.
   */
  readonly tick: () => void
  /** Looks now and says what there is. */
  readonly state: () => PressureState
  readonly snapshot: () => MemorySnapshot
  readonly trend: () => MemoryTrend
  /** Hears each change of the level; answers how to stop that. */
  readonly onLevel: (listener: (level: PressureLevel) => void) => () => void
  readonly register: (shrinkable: Shrinkable) => () => void
  /** `asked`: whatever the policy thinks. */
  readonly collect: (asked: boolean) => CollectionReport
}

/** Always open, watches nothing. */
export const openGate: Gate = {
  refusal: () => undefined,
  level: () => "ok",
  tick: () => undefined,
  state: () => ({
    level: "ok",
    share: 0,
    nearest: "heap",
    heapUsedBytes: 0,
    heapLimitBytes: 0,
    memoryUsedBytes: 0,
    memoryLimitBytes: 0,
    since: 0,
    refused: 0,
    collections: 0,
    collectionPauseMs: 0
  }),
  snapshot: () => ({
    heapUsedBytes: 0,
    heapTotalBytes: 0,
    spaces: [],
    externalBytes: 0,
    arrayBuffersBytes: 0,
    rssBytes: 0,
    container: undefined
  }),
  trend: () => ({ spanMs: 0, samples: 0, heapBytesPerSecond: undefined, rssBytesPerSecond: undefined }),
  onLevel: () => () => undefined,
  register: () => () => undefined,
  collect: () => ({
    reason: "unavailable",
    collected: false,
    pauseMs: 0,
    freedHeapBytes: 0,
    freedExternalBytes: 0,
    freedRssBytes: 0
  })
}

/** The gate in force: one for the whole process. Default `openGate`; `Sluice.layer` brings one that watches. */
export const MemoryGate = Context.Reference<Gate>("sluice/services/Memory/MemoryGate", { defaultValue: () => openGate })
