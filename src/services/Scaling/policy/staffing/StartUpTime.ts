/**
 * How long slots take from a decision until they run jobs, learned from the last decisions that were carried out.
 * Deciding with too short a time is late each time; with one too long it is early by as much: so it is an upper
 * quantile, of few and recent ones, since images, machines and clusters change.
 */

/** Times that are kept. */
const kept = 20
const quantile = 0.8
/** A start slower than so many times the median is an incident, not the rule. */
const worst = 5

export interface StartUpTimeState {
  readonly last: ReadonlyArray<number>
}

export class StartUpTime {
  private last: ReadonlyArray<number> = []

  static restore({ last }: StartUpTimeState): StartUpTime {
    const time = new StartUpTime()
    time.last = last.slice(-kept)
    return time
  }

  save(): StartUpTimeState {
    return { last: this.last }
  }

  /** Slots asked for were there so much later. Not finite or negative ones are left out. */
  observe(ms: number): void {
    if (ms >= 0 && Number.isFinite(ms)) this.last = [...this.last, ms].slice(-kept)
  }

  /** Milliseconds; undefined until something was observed. */
  get ms(): number | undefined {
    if (this.last.length === 0) return undefined
    const sorted = this.last.toSorted((a, b) => a - b)
    const most = worst * sorted[Math.floor((sorted.length - 1) / 2)]!
    return Math.min(most, sorted[Math.ceil(quantile * sorted.length) - 1]!)
  }
}
