/** What is known of one group's jobs, as the progress display needs it. Times are in milliseconds. */
export interface GroupFigures {
  readonly group: string
  /** Jobs to do in all, as far as known; may still grow. */
  readonly expected: number
  /** Jobs that are over, failed ones and those done by an earlier run included. */
  readonly done: number
  readonly failed: number
  readonly running: number
  /** Jobs over per second, `undefined` before the first moment has passed. */
  readonly ratePerSecond: number | undefined
  /** 95th percentile of the run times, `undefined` when none is known. */
  readonly p95Millis: number | undefined
  /** Time left at this rate, `undefined` when the rate is unknown or zero. */
  readonly etaMillis: number | undefined
}

/** Counts read from a store, in place of single events. */
export interface GroupCounts {
  readonly expected: number
  readonly done: number
  readonly failed: number
  readonly running: number
  readonly p95Millis?: number
}

/** Whole seconds the recent rate looks back on. */
const windowSeconds = 10

/** With fewer endings than this in the window the mean since the start is the steadier figure. */
const enoughEndings = 10

/** Run times the percentile is taken over. */
const runTimesKept = 512

/**
 * Keeps count of one group. Formulas:
 *
 * - rate: endings of the last ten seconds (nine whole ones and the current one) ÷ the time they span; with fewer than
 *   ten of them, all endings ÷ the time since the tally began, so that slow jobs have a rate too. What an earlier run
 *   had done is not counted.
 * - ETA: (expected − done) ÷ rate.
 * - p95: nearest rank over the last 512 run times.
 *
 * Changing it is a few additions; `figures` sorts up to 512 numbers and is meant for a display.
 */
export class GroupTally {
  readonly group: string
  readonly #beganAt: number
  #expected = 0
  #done = 0
  #failed = 0
  #running = 0
  #endings = 0
  readonly #perSecond = new Array<number>(windowSeconds).fill(0)
  #second: number
  readonly #runTimes: Array<number> = []
  #observed = false
  #observedP95: number | undefined

  constructor(group: string, nowMillis: number) {
    this.group = group
    this.#beganAt = nowMillis
    this.#second = Math.floor(nowMillis / 1000)
  }

  /** `n` more jobs are to be done. */
  expect(n: number): void {
    this.#expected += n
  }

  /** `n` of the expected jobs were done by an earlier run. */
  resume(n: number): void {
    this.#done += n
  }

  start(): void {
    this.#running++
  }

  /** One started job is over; a retry that follows is `start` again, so only give final endings. */
  finish(runMillis: number, failed: boolean, nowMillis: number): void {
    this.#running = Math.max(0, this.#running - 1)
    this.#done++
    if (failed) this.#failed++
    this.#runTimes[this.#endings % runTimesKept] = runMillis
    this.#ended(1, nowMillis)
  }

  /** Takes over counts read elsewhere; the rate follows from how `done` grows after the first call. */
  observe(counts: GroupCounts, nowMillis: number): void {
    const ended = this.#observed ? Math.max(0, counts.done - this.#done) : 0
    this.#observed = true
    this.#expected = counts.expected
    this.#done = counts.done
    this.#failed = counts.failed
    this.#running = counts.running
    this.#observedP95 = counts.p95Millis
    this.#ended(ended, nowMillis)
  }

  figures(nowMillis: number): GroupFigures {
    const ratePerSecond = this.#rate(nowMillis)
    const left = Math.max(0, this.#expected - this.#done)
    return {
      group: this.group,
      expected: Math.max(this.#expected, this.#done),
      done: this.#done,
      failed: this.#failed,
      running: this.#running,
      ratePerSecond,
      p95Millis: this.#observedP95 ?? this.#p95(),
      etaMillis:
        left === 0 ? 0 : ratePerSecond === undefined || ratePerSecond === 0 ? undefined : (left / ratePerSecond) * 1000
    }
  }

  #ended(n: number, nowMillis: number): void {
    this.#turnTo(nowMillis)
    this.#endings += n
    this.#perSecond[this.#second % windowSeconds]! += n
  }

  #turnTo(nowMillis: number): void {
    const second = Math.floor(nowMillis / 1000)
    const passed = Math.min(second - this.#second, windowSeconds)
    for (let i = 1; i <= passed; i++) this.#perSecond[(this.#second + i) % windowSeconds] = 0
    // After a gap longer than the window all of it is empty, whichever slot the clock stands at.
    if (second > this.#second) this.#second = second
  }

  #rate(nowMillis: number): number | undefined {
    this.#turnTo(nowMillis)
    const elapsed = nowMillis - this.#beganAt
    if (elapsed <= 0) return undefined
    const recent = this.#perSecond.reduce((sum, n) => sum + n, 0)
    const span = Math.min(elapsed, (windowSeconds - 1) * 1000 + nowMillis - this.#second * 1000)
    return recent >= enoughEndings && span > 0 ? (recent / span) * 1000 : (this.#endings / elapsed) * 1000
  }

  #p95(): number | undefined {
    if (this.#runTimes.length === 0) return undefined
    const sorted = Float64Array.from(this.#runTimes).sort()
    return sorted[Math.ceil(sorted.length * 0.95) - 1]
  }
}
