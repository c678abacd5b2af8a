/**
 * What holds a worker back, decided from the figures of a period. Each kind has one measure between 0 and 1 that says
 * how much of the time it explains; those above its threshold are named, the largest first, with the figures they rest
 * on.
 */

export type BottleneckKind = "cpu" | "memory" | "io" | "store" | "lock"

export interface Bottleneck {
  readonly kind: BottleneckKind
  /** Whose it is, where it can be told. */
  readonly task: string | null
  /** How much of the period it explains, 0 to 1. */
  readonly share: number
  /** The figures, each a sentence. */
  readonly evidence: ReadonlyArray<string>
  readonly advice: string
}

export interface TaskPeriod {
  readonly task: string
  /** Attempts that ended. */
  readonly attempts: number
  /** Milliseconds of all of them together. */
  readonly runMs: number
  /** Milliseconds they held the event loop. */
  readonly onLoopMs: number
  /** The fastest attempt ever seen, in milliseconds. */
  readonly fastestMs: number
  /**
   * Of the pauses between one end and the next, the share below a third of their mean: near 0 when ends keep their
   * distance.
   */
  readonly closeEnds: number
  /** Bytes it allocated, by the heap's samples; 0 when unknown. */
  readonly allocatedBytes: number
}

export interface Period {
  readonly wallMs: number
  /**
   * Of the event loop's thread, as shares of the wall: running on a core, and runnable but without one. Null: unknown
   * here.
   */
  readonly onCpu: number | null
  readonly starved: number | null
  /** Share of the time in which the event loop was not waiting for events. */
  readonly loopUtilisation: number
  /** Share of the time in which a collection stopped everything. */
  readonly gcShare: number
  /** CPU of all threads, of one core. */
  readonly cpu: number
  /** Share of the time in which a turn of the store was under way. */
  readonly storeShare: number
  readonly storeTurns: number
  /** Shares of the looks in which requests to the disk or network were in flight. */
  readonly diskShare: number
  readonly networkShare: number
  readonly diskBytes: number
  readonly tasks: ReadonlyArray<TaskPeriod>
}

const percent = (share: number): string => `${Math.round(share * 100)} %`
const millis = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** Collections above this share of the time are a burden; a steady program spends 1 to 3 %. */
const gcBurden = 0.1
/** From here on a share of the period is worth naming. */
const much = 0.5
/** A lock: several run at a time, and ends come no faster than one after the other. */
const fewestTogether = 1.8
const fewestAttempts = 10

const largest = (tasks: ReadonlyArray<TaskPeriod>, of: (task: TaskPeriod) => number): TaskPeriod | undefined =>
  tasks.reduce<TaskPeriod | undefined>(
    (best, task) => (of(task) > 0 && (best === undefined || of(task) > of(best)) ? task : best),
    undefined
  )

/** Mean number of attempts of a task in flight (Little's law). */
const together = (task: TaskPeriod, wallMs: number) => task.runMs / wallMs

/** Runnable on the loop's thread: what a busy machine takes away is not waiting. */
const runnable = ({ loopUtilisation, onCpu, starved }: Period): number =>
  onCpu === null ? loopUtilisation : Math.min(1, onCpu + (starved ?? 0))

const cpu = (period: Period): Bottleneck | undefined => {
  const share = Math.min(period.loopUtilisation, runnable(period)) - period.gcShare
  const task = largest(period.tasks, ({ onLoopMs }) => onLoopMs)
  if (share < much || task === undefined) return undefined
  const taskShare = task.onLoopMs / period.wallMs
  // The store's turns run on the loop too, where it lives there.
  if (taskShare < 0.3 && period.storeShare > taskShare) return undefined
  return {
    kind: "cpu",
    task: task.task,
    share,
    evidence: [
      `the event loop was busy ${percent(period.loopUtilisation)} of the time and computing ${percent(share)} of it, collections apart`,
      `${task.task} held it ${percent(taskShare)} of the time, ${millis(task.onLoopMs / Math.max(1, task.attempts))} per attempt`
    ],
    advice: "run it in a thread (toThreadLayer), or find the hottest function below"
  }
}

const memory = (period: Period): Bottleneck | undefined => {
  if (period.gcShare < gcBurden) return undefined
  const allocating = largest(period.tasks, ({ allocatedBytes }) => allocatedBytes)
  const task = allocating ?? largest(period.tasks, ({ onLoopMs }) => onLoopMs)
  const allocated = period.tasks.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0)
  return {
    kind: "memory",
    task: task?.task ?? null,
    // A tenth of the time in collections is a burden as half of it in computing is.
    share: Math.min(1, period.gcShare * (much / gcBurden)),
    evidence: [
      `collections stopped everything ${percent(period.gcShare)} of the time`,
      ...(allocating === undefined
        ? []
        : [
            `${allocating.task} made ${percent(allocating.allocatedBytes / allocated)} of what tasks allocated, ${megabytes(allocating.allocatedBytes / Math.max(1, allocating.attempts))} per attempt`
          ])
    ],
    advice: "allocate less, keep less alive per job, or reuse buffers (MemoryOptimizer)"
  }
}

const io = (period: Period): Bottleneck | undefined => {
  // A loop that is busy without computing waits in a synchronous call.
  const blocked = period.onCpu === null ? 0 : Math.max(0, period.loopUtilisation - runnable(period))
  const disk = period.diskShare
  const network = period.networkShare
  const share = Math.max(blocked, disk, network)
  if (share < much) return undefined
  const isBlocked = blocked >= Math.max(disk, network)
  const task = largest(period.tasks, ({ onLoopMs, runMs }) => (isBlocked ? onLoopMs : runMs - onLoopMs))
  if (task === undefined || task.runMs / period.wallMs < 0.3) return undefined
  const what = isBlocked
    ? `the event loop stood in a synchronous call without computing ${percent(blocked)} of the time`
    : disk >= network
      ? `requests to the disk were in flight ${percent(disk)} of the time, ${megabytes(period.diskBytes)} read and written`
      : `requests to the network were in flight ${percent(network)} of the time`
  return {
    kind: "io",
    task: task.task,
    share,
    evidence: [
      what,
      `${task.task} ran ${millis(task.runMs / Math.max(1, task.attempts))} per attempt, of which ${millis(task.onLoopMs / Math.max(1, task.attempts))} on the event loop`
    ],
    advice: isBlocked
      ? "use the asynchronous call, so that others run meanwhile"
      : "more slots, larger requests, or a faster device"
  }
}

const store = (period: Period): Bottleneck | undefined => {
  const inHandlers = period.tasks.reduce((sum, { runMs }) => sum + runMs, 0) / period.wallMs
  if (period.storeShare < much || period.storeShare < inHandlers) return undefined
  return {
    kind: "store",
    task: null,
    share: period.storeShare,
    evidence: [
      `a turn of the store was under way ${percent(period.storeShare)} of the time, ${millis((period.storeShare * period.wallMs) / Math.max(1, period.storeTurns))} each`,
      `handlers ran ${inHandlers.toFixed(2)} at a time: slots waited for the store`
    ],
    advice: "larger jobs or batches, enqueue many at once, or a faster disk under the store"
  }
}

const lock = (period: Period): Bottleneck | undefined => {
  for (const task of [...period.tasks].sort((a, b) => b.runMs - a.runMs)) {
    const n = together(task, period.wallMs)
    if (n < fewestTogether || task.attempts < fewestAttempts || task.onLoopMs > 0.5 * period.wallMs) continue
    const everyMs = period.wallMs / task.attempts
    // Serial work of this length, one after the other, would fill the time.
    const filled = task.fastestMs / everyMs
    if (filled < 0.6 || filled > 1.5 || task.closeEnds > 0.15) continue
    return {
      kind: "lock",
      task: task.task,
      share: Math.min(1, filled),
      evidence: [
        `${n.toFixed(1)} attempts of ${task.task} ran at a time, yet one ended every ${millis(everyMs)}, about what one alone takes (${millis(task.fastestMs)})`,
        `ends kept their distance: ${percent(task.closeEnds)} came close after another`
      ],
      advice: "something lets one through at a time: a lock, a semaphore, a single connection; more slots do not help"
    }
  }
  return undefined
}

/** The bottlenecks of a period, the one that explains most first; empty when nothing held it back. */
export const bottlenecks = (period: Period): ReadonlyArray<Bottleneck> => {
  if (period.wallMs <= 0) return []
  // A device that serves one at a time looks like a lock; requests in flight at the disk tell them apart. Open
  // connections do not: they are open while nothing goes over them too.
  const queueing = period.diskShare >= much ? undefined : lock(period)
  return [memory(period), queueing === undefined ? io(period) : undefined, store(period), cpu(period), queueing]
    .filter((candidate) => candidate !== undefined)
    .sort((a, b) => b.share - a.share)
}
