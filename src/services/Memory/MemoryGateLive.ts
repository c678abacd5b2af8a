/** The door to this process's memory: looks, decides by policy, collects when that pays, and tells who is concerned. */
import { Clock, Effect, Layer } from "effect"
import {
  type CollectionReport,
  type Gate,
  MemoryGate,
  type MemoryProbe,
  type MemoryRefusal,
  openGate,
  Probe,
  type Shrinkable
} from "./MemoryGate.ts"
import { makeProcessProbe } from "./heap/ProcessProbe.ts"
import { TrendWindow } from "./heap/TrendWindow.ts"
import { type CollectionVerdict, collectionVerdict, leastGainBytes } from "./policy/CollectionPays.ts"
import {
  heapShare,
  learnRowBytes,
  levelOf,
  type MemoryReading,
  memoryShare,
  type PressureLevel,
  rankOf,
  retryAfterMs,
  rowBytesAtFirst,
  rowsUntilLook,
  shareOf
} from "./policy/MemoryPressure.ts"
import { Settings, type MemorySettings } from "../Queue/QueueSettings.ts"
import { monotonicOf } from "../Queue/host/Monotonic.ts"

/** While the door is shut a call looks again after this, in milliseconds: a process without a worker has no tick. */
const shutLookMs = 50
/** Between two rounds of shrinking at an unchanged level, in milliseconds. */
const shrinkEveryMs = 1000

interface Surroundings {
  readonly probe: MemoryProbe
  readonly settings: MemorySettings
  readonly monotonic: () => number
  readonly wallClock: () => number
  readonly warn: (message: string, cause: unknown) => void
}

const makeGate = ({ monotonic, probe, settings, wallClock, warn }: Surroundings): Gate => {
  const { thresholds } = settings
  const trend = new TrendWindow()
  const listeners = new Set<(level: PressureLevel) => void>()
  const shrinkables = new Set<Shrinkable>()

  let reading = probe.read()
  let level: PressureLevel = "ok"
  let since = wallClock()
  let shutAt: number | undefined
  let lookedAt = monotonic()
  let shrunkAt = Number.NEGATIVE_INFINITY
  /** New jobs until the next look, and how many that were. */
  let room = 0
  let roomAtLook = 0
  let rowBytes = rowBytesAtFirst
  let refusal: MemoryRefusal | undefined
  let refused = 0
  let collections = 0
  let collectionPauseMs = 0
  let collectedAt = Number.NEGATIVE_INFINITY
  let lastPauseMs = 0
  let fruitless = 0
  let livedBytes = 0
  let livedExternalBytes = 0

  const nearestOf = (at: MemoryReading) => (heapShare(at) >= memoryShare(at) ? "heap" : probe.nearestOutside())

  const shrink = (now: number) => {
    shrunkAt = now
    for (const shrinkable of shrinkables) {
      try {
        shrinkable.shrink(level)
      } catch (cause) {
        warn(`${shrinkable.name} could not be shrunk`, cause)
      }
    }
  }

  const refusalAt = (now: number): MemoryRefusal => {
    const nearest = nearestOf(reading)
    return {
      nearest,
      usedBytes: nearest === "heap" ? reading.heapUsedBytes : reading.memoryUsedBytes,
      limitBytes: nearest === "heap" ? reading.heapLimitBytes : reading.memoryLimitBytes,
      retryAfterMs: retryAfterMs(now - shutAt!)
    }
  }

  const verdict = (isShort: boolean): CollectionVerdict =>
    collectionVerdict({
      usedBytes: reading.heapUsedBytes,
      livedBytes,
      externalBytes: isShort ? 0 : probe.snapshot().externalBytes,
      livedExternalBytes: isShort ? 0 : livedExternalBytes,
      utilization: probe.utilization(),
      isShort,
      sinceLastMs: monotonic() - collectedAt,
      lastPauseMs,
      fruitless
    })

  const settle = (now: number, next: PressureLevel) => {
    const before = level
    if (next !== before) {
      level = next
      since = wallClock()
    }
    if (level === "critical" && settings.refuse) {
      shutAt ??= now
      refusal = refusalAt(now)
    } else {
      shutAt = undefined
      refusal = undefined
    }
    room = rowsUntilLook(reading, thresholds, rowBytes)
    roomAtLook = room
    if (rankOf(next) > rankOf(before) || (rankOf(next) >= rankOf("high") && now - shrunkAt >= shrinkEveryMs))
      shrink(now)
    if (next !== before) tell(next)
  }

  const tell = (next: PressureLevel) => {
    for (const listener of listeners) {
      try {
        listener(next)
      } catch (cause) {
        warn(`somebody who hears of memory pressure failed`, cause)
      }
    }
  }

  /** Reads after everything was collected. */
  const collectNow = (reason: CollectionReport["reason"]): CollectionReport => {
    const before = probe.snapshot()
    const startedAt = monotonic()
    if (!probe.collect()) return nothingCollected("unavailable")
    collectedAt = monotonic()
    lastPauseMs = collectedAt - startedAt
    collections++
    collectionPauseMs += lastPauseMs
    reading = probe.read()
    const after = probe.snapshot()
    livedBytes = reading.heapUsedBytes
    livedExternalBytes = after.externalBytes
    settle(collectedAt, levelOf(reading, true, level, thresholds))
    const freedHeapBytes = before.heapUsedBytes - after.heapUsedBytes
    const freedExternalBytes = before.externalBytes - after.externalBytes
    fruitless = freedHeapBytes + freedExternalBytes < leastGainBytes ? fruitless + 1 : 0
    return {
      reason,
      collected: true,
      pauseMs: lastPauseMs,
      freedHeapBytes,
      freedExternalBytes,
      freedRssBytes: before.rssBytes - after.rssBytes
    }
  }

  const look = () => {
    const now = monotonic()
    lookedAt = now
    const usedBefore = reading.heapUsedBytes
    reading = probe.read()
    rowBytes = learnRowBytes(rowBytes, reading.heapUsedBytes - usedBefore, roomAtLook - room)
    if (trend.isDue(now)) {
      const { heapUsedBytes, rssBytes } = probe.snapshot()
      trend.add(now, heapUsedBytes, rssBytes)
    }
    // Only what garbage may explain is worth a collection before the door shuts, or for opening it.
    const isShort = level === "critical" || shareOf(reading) >= thresholds.critical
    const decided = isShort && settings.collect ? verdict(true) : undefined
    if (decided === "pays" && collectNow(decided).collected) return
    // Until the next collection tells, all is taken to live: a heap that fills faster than it may be collected must not
    // be let on.
    settle(now, levelOf(reading, decided === "too-soon", level, thresholds))
  }

  /**
   * Under pressure a process that is idle collects without being asked. Not on a call's way in: the caller would wait
   * for it.
   */
  const tick = () => {
    look()
    if (settings.collect && level !== "ok" && level !== "critical" && verdict(false) === "pays") collectNow("pays")
  }

  look()

  return {
    refusal: (jobs) => {
      if (refusal === undefined) {
        room -= jobs
        if (room > 0) return undefined
        look()
      } else if (monotonic() - lookedAt >= shutLookMs) look()
      if (refusal !== undefined) refused++
      return refusal
    },
    level: () => level,
    tick,
    state: () => {
      look()
      return {
        level,
        share: shareOf(reading),
        nearest: nearestOf(reading),
        ...reading,
        since,
        refused,
        collections,
        collectionPauseMs
      }
    },
    snapshot: probe.snapshot,
    trend: () => trend.trend(),
    onLevel: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    register: (shrinkable) => {
      shrinkables.add(shrinkable)
      return () => shrinkables.delete(shrinkable)
    },
    collect: (asked) => {
      if (asked) return collectNow("asked")
      reading = probe.read()
      const decided = verdict(level === "critical")
      return decided === "pays" ? collectNow(decided) : nothingCollected(decided)
    }
  }
}

const nothingCollected = (reason: CollectionReport["reason"]): CollectionReport => ({
  reason,
  collected: false,
  pauseMs: 0,
  freedHeapBytes: 0,
  freedExternalBytes: 0,
  freedRssBytes: 0
})

/** The gate that is there already, or else one over this process's memory or the `Probe` in force. */
export const layer: Layer.Layer<never> = Layer.effect(
  MemoryGate,
  Effect.gen(function* () {
    const there = yield* MemoryGate
    if (there !== openGate) return there
    const clock = yield* Clock.Clock
    const { memory } = yield* Settings
    const context = yield* Effect.context<never>()
    const warn = (message: string, cause: unknown) =>
      void Effect.runForkWith(context)(Effect.logWarning(message, cause))
    return makeGate({
      probe: (yield* Probe) ?? makeProcessProbe(),
      settings: memory,
      monotonic: monotonicOf(clock),
      wallClock: () => clock.currentTimeMillisUnsafe(),
      warn
    })
  })
)
