/** One profile being taken: from its start to what it showed. */
import { hostname } from "node:os"
import { type Bottleneck, bottlenecks, type Period } from "../policy/Bottleneck.ts"
import { allocatedByOwner, readProfile } from "../policy/ProfileTree.ts"
import type { RecordedProfile } from "../../Queue/PerformanceProfiler.ts"
import type { ProfilerReading } from "../ProfilerReading.ts"
import { Inspector } from "./Inspector.ts"
import { storeFigures, taskFigures } from "./Readings.ts"
import { ownerOfFrame, WorkSpans } from "./WorkSpans.ts"

/** How often is looked what requests are in flight, in milliseconds. */
const lookMs = 10
/** Distances between ends that are kept for each task. */
const gapsKept = 10_000

/** Requests that libuv has at the disk, as Node names them. */
const isDisk = (kind: string): boolean => kind.startsWith("FSReq")
/** Open connections and what goes over them: a connection kept idle counts too. */
const isNetwork = (kind: string): boolean => /^(TCPSocketWrap|TLSWrap|TCPConnectWrap|GetAddrInfoReqWrap)$/.test(kind)

/** What a recording reads of the profiler that takes it. */
export interface Recorded {
  /** Begins a period; the function it answers reads what was measured in it by then. */
  readonly begin: () => () => ProfilerReading
  /** Milliseconds since 1970. */
  readonly now: () => number
}

interface Ends {
  lastAt: number
  readonly gaps: Array<number>
}

const closeShare = (gaps: ReadonlyArray<number>): number => {
  if (gaps.length === 0) return 1
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  return gaps.filter((gap) => gap < mean / 3).length / gaps.length
}

export class Recording {
  readonly spans = new WorkSpans()
  private readonly inspector = new Inspector()
  private readonly startedAt: number
  private readonly read: () => ProfilerReading
  /** By `performance.now()`. */
  private readonly begunAt: number
  private readonly ends = new Map<string, Ends>()
  private readonly timer: NodeJS.Timeout
  private looks = 0
  private diskLooks = 0
  private networkLooks = 0

  constructor(recorded: Recorded, intervalUs: number, intervalBytes: number) {
    this.inspector.start(intervalUs, intervalBytes)
    this.startedAt = recorded.now()
    this.spans.open()
    this.timer = setInterval(() => this.look(), lookMs).unref()
    this.read = recorded.begin()
    this.begunAt = performance.now()
  }

  private look(): void {
    this.looks++
    const kinds = process.getActiveResourcesInfo()
    if (kinds.some(isDisk)) this.diskLooks++
    if (kinds.some(isNetwork)) this.networkLooks++
  }

  /** An attempt of a task ended, at a time of the monotonic clock. */
  ended(task: string, at: number): void {
    const known = this.ends.get(task)
    if (known === undefined) {
      this.ends.set(task, { lastAt: at, gaps: [] })
      return
    }
    if (known.gaps.length < gapsKept) known.gaps.push(at - known.lastAt)
    known.lastAt = at
  }

  stop(label: string): RecordedProfile {
    const wallMs = performance.now() - this.begunAt
    const measured = this.read()
    clearInterval(this.timer)
    this.spans.close()
    const { cpu, heap } = this.inspector.stop()
    const reading = readProfile(cpu, this.spans.reader(), (frame) => ownerOfFrame(frame) !== undefined)
    const allocated = allocatedByOwner(heap.head, ownerOfFrame)
    const onLoop = this.spans.onLoop()
    const counted = measured.process
    // Samples know better: the profiler's signals cut short the waiting that the loop's own counter goes by, and
    // collections are told late.
    const gcMs = Math.max(counted.gcMs, reading.gcMs)
    const process_ = {
      ...counted,
      loopUtilisation: Math.max(0, Math.min(1, 1 - reading.idleMs / wallMs)),
      gcMs,
      gcShare: Math.min(1, gcMs / wallMs)
    }
    const store = storeFigures(measured.store)
    const tasks = measured.tasks.map(taskFigures)
    const names = [...new Set(tasks.map(({ task }) => task))]
    const period: Period = {
      wallMs,
      onCpu: process_.onCpu,
      starved: process_.starved,
      loopUtilisation: process_.loopUtilisation,
      gcShare: process_.gcShare,
      cpu: process_.cpu,
      storeShare: store.share,
      storeTurns: store.turns,
      diskShare: this.looks === 0 ? 0 : this.diskLooks / this.looks,
      networkShare: this.looks === 0 ? 0 : this.networkLooks / this.looks,
      diskBytes: (process_.diskReadBytes ?? 0) + (process_.diskWrittenBytes ?? 0),
      tasks: names.map((task) => {
        const parts = tasks.filter((figures) => figures.task === task)
        return {
          task,
          attempts: parts.reduce((sum, { attempts }) => sum + attempts, 0),
          runMs: parts.reduce((sum, { runMs }) => sum + runMs.mean * runMs.count, 0),
          onLoopMs: onLoop.get(task) ?? 0,
          fastestMs: Math.min(...parts.map(({ fastestMs }) => fastestMs)),
          closeEnds: closeShare(this.ends.get(task)?.gaps ?? []),
          allocatedBytes: allocated.get(task) ?? 0
        }
      })
    }
    const owners = [...new Set([...onLoop.keys(), ...reading.owners.map(({ owner }) => owner)])].map((owner) => {
      const sampled = reading.owners.find((entry) => entry.owner === owner)
      return {
        owner,
        onLoopMs: onLoop.get(owner) ?? 0,
        sampledMs: sampled?.ms ?? 0,
        allocatedBytes: allocated.get(owner) ?? 0,
        hottest: sampled?.hottest ?? []
      }
    })
    const attributedMs = reading.owners.reduce((sum, { ms }) => sum + ms, 0)
    const named: ReadonlyArray<Bottleneck> = bottlenecks(period)
    const report = {
      id: `${new Date(this.startedAt).toISOString().replaceAll(/[:.]/g, "-")}-${process.pid}`,
      label,
      pid: process.pid,
      host: hostname(),
      startedAt: this.startedAt,
      durationMs: wallMs,
      process: process_,
      store,
      tasks,
      contexts: measured.contexts.map(taskFigures),
      bottlenecks: named,
      leaks: measured.leaks,
      slowest: measured.slowest,
      owners: owners.sort((a, b) => b.onLoopMs - a.onLoopMs),
      hottest: reading.hottest,
      samples: reading.samples,
      busyMs: reading.busyMs,
      attributed: reading.busyMs === 0 ? 0 : attributedMs / reading.busyMs,
      flame: reading.flame
    }
    return { report, cpuProfile: JSON.stringify(cpu), heapProfile: JSON.stringify(heap) }
  }
}
