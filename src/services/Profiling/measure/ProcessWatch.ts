/**
 * What the process uses: counters of the system and of V8, copied when asked, and a look each second for what only
 * shows in between (peaks, lateness, collections). It has no timer of its own: the worker's tick drives it.
 */
import { readFileSync } from "node:fs"
import { constants, PerformanceObserver } from "node:perf_hooks"
import type { ProcessFigures } from "../ProfilingReport.ts"

/** Between two looks, in milliseconds. */
const lookMs = 900
/** Looks kept: ten minutes. */
const looksKept = 600
/** Full collections kept for the leak hint; when there are more, every other goes. */
const collectionsKept = 128

/** Counters that only grow. Undefined where the system does not tell. */
export interface ProcessMark {
  /** Milliseconds of the monotonic clock. */
  readonly at: number
  /** CPU of all threads in microseconds. */
  readonly cpu: number
  readonly loop: { readonly idle: number; readonly active: number; readonly utilization: number }
  readonly gcCount: number
  readonly gcMs: number
  /** Nanoseconds of the event loop's thread on a core, and runnable without one. */
  readonly thread: { readonly ran: number; readonly waited: number } | undefined
  readonly disk: { readonly read: number; readonly written: number } | undefined
  readonly network: { readonly received: number; readonly sent: number } | undefined
}

interface Look {
  readonly at: number
  readonly gcMs: number
  readonly lateMs: number
}

const textOf = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

/** proc(5): time on a core, time on a run queue, both in nanoseconds. */
const threadTimes = () => {
  const [ran, waited] = textOf("/proc/thread-self/schedstat")?.trim().split(" ").map(Number) ?? []
  return ran === undefined || waited === undefined || Number.isNaN(ran) ? undefined : { ran, waited }
}

/** proc(5): bytes fetched from and sent to the storage layer. */
const diskBytes = () => {
  const text = textOf("/proc/self/io")
  if (text === undefined) return undefined
  const of = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0)
  return { read: of(/^read_bytes: (\d+)$/m), written: of(/^write_bytes: (\d+)$/m) }
}

/** proc(5): all interfaces but the loopback, of this network namespace. */
const networkBytes = () => {
  const lines = textOf("/proc/self/net/dev")?.split("\n").slice(2)
  if (lines === undefined) return undefined
  let [received, sent] = [0, 0]
  for (const line of lines) {
    const [name, rest] = line.split(":")
    if (rest === undefined || name!.trim() === "lo") continue
    const fields = rest.trim().split(/\s+/).map(Number)
    received += fields[0] ?? 0
    sent += fields[8] ?? 0
  }
  return { received, sent }
}

const difference = (after: number | undefined, before: number | undefined): number | null =>
  after === undefined || before === undefined ? null : Math.max(0, after - before)

export class ProcessWatch {
  private observer: PerformanceObserver | undefined
  private gcCount = 0
  private gcMs = 0
  private gcSinceLook = 0
  private gcLongest: Array<{ readonly at: number; readonly ms: number }> = []
  private peakHeap = 0
  private lateSinceLook = 0
  private lookedAt = Number.NEGATIVE_INFINITY
  private readonly looks: Array<Look> = []
  /** Heap after full collections, with what `attempts` answered then. */
  readonly collections: Array<{ readonly heap: number; readonly attempts: ReadonlyArray<number> }> = []
  private everyCollection = 1
  private sinceCollection = 0
  private readonly attempts: () => ReadonlyArray<number>

  /** `attempts`: ended so far, by the index of their task. */
  constructor(attempts: () => ReadonlyArray<number>) {
    this.attempts = attempts
  }

  /** Begins to hear of collections. */
  open(): void {
    if (this.observer !== undefined) return
    this.observer = new PerformanceObserver((list) => {
      let full = false
      for (const entry of list.getEntries()) {
        this.gcCount++
        this.gcMs += entry.duration
        this.gcSinceLook += entry.duration
        const { detail } = entry as { readonly detail?: { readonly kind?: number } }
        if (detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR) full = true
        this.noteLongest(entry.startTime, entry.duration)
      }
      if (full) this.collected()
    })
    this.observer.observe({ entryTypes: ["gc"] })
  }

  close(): void {
    this.observer?.disconnect()
    this.observer = undefined
  }

  private noteLongest(at: number, ms: number): void {
    this.gcLongest.push({ at, ms })
    if (this.gcLongest.length > 256) this.gcLongest = this.gcLongest.sort((a, b) => b.ms - a.ms).slice(0, 64)
  }

  private collected(): void {
    if (++this.sinceCollection < this.everyCollection) return
    this.sinceCollection = 0
    this.collections.push({ heap: process.memoryUsage().heapUsed, attempts: this.attempts() })
    if (this.collections.length < collectionsKept) return
    for (let i = 0; i < collectionsKept / 2; i++) this.collections[i] = this.collections[2 * i]!
    this.collections.length = collectionsKept / 2
    this.everyCollection *= 2
  }

  /** Called often; looks about once a second. `at` by `performance.now()`. */
  tick(lateMs: number, at: number): void {
    this.open()
    if (lateMs > this.lateSinceLook) this.lateSinceLook = lateMs
    if (at - this.lookedAt < lookMs) return
    this.lookedAt = at
    const { heapUsed } = process.memoryUsage()
    if (heapUsed > this.peakHeap) this.peakHeap = heapUsed
    this.looks.push({ at, gcMs: this.gcSinceLook, lateMs: this.lateSinceLook })
    if (this.looks.length > looksKept) this.looks.shift()
    this.gcSinceLook = 0
    this.lateSinceLook = 0
  }

  /** Collections and lateness in a stretch of time by `performance.now()`, by looks of a second. */
  meanwhile(from: number, to: number): { readonly gcMs: number; readonly loopDelayMs: number } {
    let gcMs = 0
    let loopDelayMs = 0
    for (let i = this.looks.length - 1; i >= 0; i--) {
      const look = this.looks[i]!
      if (look.at - 1000 > to) continue
      if (look.at < from) break
      gcMs += look.gcMs
      loopDelayMs = Math.max(loopDelayMs, look.lateMs)
    }
    return { gcMs, loopDelayMs }
  }

  mark(): ProcessMark {
    const { system, user } = process.cpuUsage()
    return {
      at: performance.now(),
      cpu: user + system,
      loop: performance.eventLoopUtilization(),
      gcCount: this.gcCount,
      gcMs: this.gcMs,
      thread: threadTimes(),
      disk: diskBytes(),
      network: networkBytes()
    }
  }

  /** From one mark to another. */
  figures(from: ProcessMark, to: ProcessMark): ProcessFigures {
    const wallMs = Math.max(1e-6, to.at - from.at)
    const memory = process.memoryUsage()
    const longest = this.gcLongest.filter(({ at }) => at >= from.at && at <= to.at).map(({ ms }) => ms)
    const share = (nanos: number | null) => (nanos === null ? null : Math.min(1, nanos / 1e6 / wallMs))
    return {
      cpu: (to.cpu - from.cpu) / 1000 / wallMs,
      onCpu: share(difference(to.thread?.ran, from.thread?.ran)),
      starved: share(difference(to.thread?.waited, from.thread?.waited)),
      loopUtilisation: performance.eventLoopUtilization(to.loop, from.loop).utilization,
      loopDelayMs: this.meanwhile(from.at, to.at).loopDelayMs,
      gcCount: to.gcCount - from.gcCount,
      gcMs: to.gcMs - from.gcMs,
      gcLongestMs: longest.length === 0 ? 0 : Math.max(...longest),
      gcShare: Math.min(1, (to.gcMs - from.gcMs) / wallMs),
      heapBytes: memory.heapUsed,
      externalBytes: memory.external,
      rssBytes: memory.rss,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      peakHeapBytes: Math.max(this.peakHeap, memory.heapUsed),
      diskReadBytes: difference(to.disk?.read, from.disk?.read),
      diskWrittenBytes: difference(to.disk?.written, from.disk?.written),
      networkReceivedBytes: difference(to.network?.received, from.network?.received),
      networkSentBytes: difference(to.network?.sent, from.network?.sent)
    }
  }
}
