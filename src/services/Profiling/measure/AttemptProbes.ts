/**
 * What attempts do with their time, measured on a few of each task: how long each held the event loop, how long that
 * had nothing to do meanwhile, how much of it with a request of the attempt to the file system under way, and the
 * memory it took.
 *
 * Measuring goes on in windows: attempts that begin within a second, at most twenty of each task, until they end or ten
 * seconds have passed. What it needs (a hook around every fiber step of a measured attempt, and one around every
 * callback of the process) is there for at most a tenth of the time, after twenty seconds of it to begin with.
 */
import { Effect } from "effect"
import { getHeapStatistics } from "node:v8"
import type { JobId } from "../../Queue/Job.ts"
import { type Evidence, roundAttempts } from "../../Queue/policy/Placement.ts"
import { type Owner, WorkSpans } from "./WorkSpans.ts"

/** Attempts of all tasks measured at the same time. */
const togetherMost = 100
/** A window takes attempts in for this long, in milliseconds; each is measured for the longest at most. */
const windowMs = 1000
const longestMs = 10_000
/**
 * Milliseconds of measuring per millisecond that goes by; and those that tasks have beside it for their first rounds,
 * all together.
 */
const budgetPart = 0.1
const budgetToBeginMs = 20_000
const roundsToBegin = 2
/** Until so many attempts of a task have ended they load modules and open connections. */
const warmUp = 3
/**
 * Who has had two rounds rests twice as long after each later one, up to this many times: others are to be measured
 * too.
 */
const restFactorMost = 8
/** An attempt whose loop others held for more than four fifths of the time tells neither computing from waiting. */
const explainedLeast = 0.2
/** Readings of the heap are this far apart, in milliseconds: one takes 2 µs. */
const readingMs = 0.1

/** The work goes on in a process or thread of its own: what is seen here is not what it does. */
const isElsewhere = (type: string): boolean => type === "PROCESSWRAP" || type === "WORKER"
const isDisk = (type: string): boolean => type.startsWith("FSREQ")

export interface Measured {
  readonly name: string
  readonly evidence: { -readonly [K in keyof Evidence]: Evidence[K] }
  /** Bytes by which each attempt grew what is in use. */
  growths: Array<number>
  /** Up to `warmUp`. */
  ended: number
  running: number
  rounds: number
  /** Measured for nothing, as their work went on elsewhere: a round of them is followed by a rest like any other. */
  elsewhere: number
  /** By the monotonic clock: it has its round. */
  restUntil: number
}

interface Probe {
  readonly task: Measured
  readonly owner: Owner
  readonly startedAt: number
  readonly idleAt: number
  readonly footprintAt: number
  diskMs: number
  /** Of its own stretches; time on a core, so that a busy machine makes nobody look like computing. */
  cpuMs: number
  enteredCpuMs: number
  /** Of its own stretches, and of the process since it began. */
  grown: number
  grownMost: number
  processMost: number
  enteredWith: number
  isElsewhere: boolean
  isOver: boolean
  timer: NodeJS.Timeout | undefined
}

const noEvidence = () => ({ attempts: 0, runMs: 0, cpuMs: 0, waitMs: 0, diskMs: 0, bytes: 0 })

/**
 * What a quarter of the attempts reach: where a collection frees what others left, an attempt seems to take less than
 * it does.
 */
const upperQuartile = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? 0 : [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.75)]!

export class AttemptProbes {
  private readonly tasks = new Map<string, Measured>()
  private readonly probes = new Map<Owner, Probe>()
  private readonly requests = new Map<number, { readonly probe: Probe; readonly since: number }>()
  private footprintBytes = 0
  private footprintReadAt = Number.NEGATIVE_INFINITY
  private readonly spans: WorkSpans
  private readonly restMs: number
  private windowBegunAt = 0
  private readonly begunAt = performance.now()
  private spentMs = 0

  /** `restMs`: between the first two rounds of a task. */
  constructor(restMs: number) {
    this.restMs = restMs
    this.spans = new WorkSpans({
      keepsChanges: false,
      observer: {
        switched: (from, to, at) => this.switched(from, to, at),
        began: (owner, id, type) => {
          const probe = this.probes.get(owner)
          if (probe === undefined) return
          if (isElsewhere(type)) probe.isElsewhere = true
          else if (isDisk(type)) this.requests.set(id, { probe, since: performance.now() })
        },
        answered: (id) => {
          const request = this.requests.get(id)
          if (request === undefined) return
          this.requests.delete(id)
          request.probe.diskMs += performance.now() - request.since
        }
      }
    })
  }

  /** What `run` and `ranInThread` are told of a task by. */
  of(task: string): Measured {
    let there = this.tasks.get(task)
    if (there === undefined) {
      there = {
        name: task,
        evidence: noEvidence(),
        growths: [],
        ended: 0,
        running: 0,
        rounds: 0,
        elsewhere: 0,
        restUntil: Number.NEGATIVE_INFINITY
      }
      this.tasks.set(task, there)
    }
    return there
  }

  /** The next attempt of the task is to be measured. */
  private wants(task: Measured): boolean {
    const now = performance.now()
    if (now < task.restUntil || this.probes.size >= togetherMost) return false
    if (this.probes.size > 0 ? now - this.windowBegunAt > windowMs : this.spentMs > this.budgetMs(task, now))
      return false
    return task.running + (task.evidence.attempts % roundAttempts) < roundAttempts
  }

  private budgetMs(task: Measured, now: number): number {
    return (task.rounds < roundsToBegin ? budgetToBeginMs : 0) + budgetPart * (now - this.begunAt)
  }

  /** The handler, measured if it is its turn. A handler of many jobs counts as one attempt. */
  run<P, C extends { readonly id: JobId }>(
    task: Measured,
    run: (payload: P, attempt: C) => Effect.Effect<unknown, unknown>,
    payload: P,
    attempt: C
  ): Effect.Effect<unknown, unknown> {
    if (task.ended < warmUp) return Effect.onExit(run(payload, attempt), () => Effect.sync(() => task.ended++))
    if (!this.wants(task)) return run(payload, attempt)
    const probe = this.begin(task)
    const before = this.spans.enter(probe.owner)
    try {
      return Effect.onExit(this.spans.own(probe.owner, run(payload, attempt)), () => Effect.sync(() => this.end(probe)))
    } catch (defect) {
      this.drop(probe)
      throw defect
    } finally {
      this.spans.leave(before)
    }
  }

  /** An attempt that ran in a thread, by that thread's own figures. */
  ranInThread({ evidence }: Measured, runMs: number, cpuMs: number): void {
    evidence.attempts++
    evidence.runMs += runMs
    evidence.cpuMs += cpuMs
    evidence.waitMs += Math.max(0, runMs - cpuMs)
  }

  /** Whole rounds, taken out. */
  take(): ReadonlyMap<string, Evidence> {
    const rounds = new Map<string, Evidence>()
    for (const [name, task] of this.tasks) {
      if (task.evidence.attempts < roundAttempts) continue
      rounds.set(name, { ...task.evidence, bytes: task.evidence.attempts * upperQuartile(task.growths) })
      Object.assign(task.evidence, noEvidence())
      task.growths = []
    }
    return rounds
  }

  close(): void {
    for (const probe of this.probes.values()) this.drop(probe)
  }

  private begin(task: Measured): Probe {
    if (this.probes.size === 0) {
      this.windowBegunAt = performance.now()
      this.spans.open()
    }
    task.running++
    const footprint = this.footprint(performance.now())
    const probe: Probe = {
      task,
      owner: this.spans.owner(task.name),
      startedAt: performance.now(),
      idleAt: performance.eventLoopUtilization().idle,
      footprintAt: footprint,
      diskMs: 0,
      cpuMs: 0,
      enteredCpuMs: 0,
      grown: 0,
      grownMost: 0,
      processMost: 0,
      enteredWith: footprint,
      isElsewhere: false,
      isOver: false,
      timer: undefined
    }
    probe.timer = setTimeout(() => this.end(probe), longestMs).unref()
    this.probes.set(probe.owner, probe)
    return probe
  }

  private drop(probe: Probe, counted = false): void {
    if (probe.isOver) return
    probe.isOver = true
    clearTimeout(probe.timer)
    this.probes.delete(probe.owner)
    for (const [id, request] of this.requests) if (request.probe === probe) this.requests.delete(id)
    const { task } = probe
    task.running--
    const now = performance.now()
    const measured = counted ? task.evidence.attempts : probe.isElsewhere ? ++task.elsewhere : 1
    if (measured % roundAttempts === 0)
      task.restUntil = now + this.restMs * Math.min(restFactorMost, 2 ** Math.max(0, ++task.rounds - roundsToBegin))
    if (this.probes.size > 0) return
    this.spans.close()
    this.spentMs += now - this.windowBegunAt
  }

  private end(probe: Probe): void {
    if (probe.isOver) return
    // What it holds the loop for at this moment counts too.
    this.spans.enter(undefined)
    const now = performance.now()
    const runMs = now - probe.startedAt
    const { cpuMs } = probe
    const heldMs = probe.owner.onLoopMs
    const waitMs = Math.min(runMs, performance.eventLoopUtilization().idle - probe.idleAt)
    const { evidence } = probe.task
    const counts = !probe.isElsewhere && heldMs + waitMs >= explainedLeast * runMs
    if (counts) {
      for (const { probe: asking, since } of this.requests.values()) if (asking === probe) probe.diskMs += now - since
      evidence.attempts++
      evidence.runMs += runMs
      evidence.cpuMs += cpuMs
      evidence.waitMs += waitMs
      evidence.diskMs += Math.min(probe.diskMs, waitMs)
      probe.task.growths.push(Math.max(0, Math.min(probe.grownMost, probe.processMost)))
    }
    this.drop(probe, counts)
  }

  /** Bytes in use in the heap and in buffers, as they were within the last reading. */
  private footprint(at: number): number {
    if (at - this.footprintReadAt >= readingMs) {
      const { external_memory, used_heap_size } = getHeapStatistics()
      this.footprintBytes = used_heap_size + external_memory
      this.footprintReadAt = at
    }
    return this.footprintBytes
  }

  private switched(from: Owner | undefined, to: Owner | undefined, epochAt: number): void {
    const { system, user } = process.threadCpuUsage()
    const cpuMs = (system + user) / 1000
    const footprint = this.footprint(epochAt - performance.timeOrigin)
    const left = from === undefined ? undefined : this.probes.get(from)
    if (left !== undefined) {
      left.cpuMs += cpuMs - left.enteredCpuMs
      left.grown += footprint - left.enteredWith
      left.grownMost = Math.max(left.grownMost, left.grown)
      left.processMost = Math.max(left.processMost, footprint - left.footprintAt)
    }
    const entered = to === undefined ? undefined : this.probes.get(to)
    if (entered === undefined) return
    entered.enteredWith = footprint
    entered.enteredCpuMs = cpuMs
  }
}
