/**
 * How long jobs of a group run, learned from those that ended: a histogram on a logarithmic scale in which every job counts a little less with each later
 * one. It answers the mean, which decides the load, with the longest thousandth cut to where it begins, so that one hung job is not a
 * fleet; and how likely a job that has run for a while still runs later, by the Kaplan-Meier idea that only jobs which got so far tell.
 */

/** Cells for each factor of ten: a mean is right to 1 %. */
const cellsPerDecade = 24
const shortestMs = 0.1
/** Up to 11 days. */
const cells = cellsPerDecade * 10
/** Jobs count half after 1,400 later ones. */
const memory = 0.9995
/** Part of the jobs, the longest, that count no more than the shortest of them. */
const cutShare = 0.001
/** Beyond how few jobs longer than its age a job's rest is taken as memoryless. */
const fewestBeyond = 5

export interface ServiceTimeState {
  readonly counts: ReadonlyArray<readonly [number, number]>
}

const cellOf = (ms: number): number =>
  Math.max(0, Math.min(cells - 1, Math.floor(Math.log10(Math.max(ms, shortestMs) / shortestMs) * cellsPerDecade)))

const middleOf = (cell: number): number => shortestMs * 10 ** ((cell + 0.5) / cellsPerDecade)

export class ServiceTime {
  private readonly counts = new Float64Array(cells)
  private total = 0
  private known: { mean: number } | undefined

  static restore({ counts }: ServiceTimeState): ServiceTime {
    const time = new ServiceTime()
    for (const [cell, count] of counts) {
      if (!(cell >= 0 && cell < cells && count > 0)) continue
      time.counts[cell] = count
      time.total += count
    }
    return time
  }

  save(): ServiceTimeState {
    return { counts: [...this.counts.entries()].filter(([, count]) => count > 0) }
  }

  /** `jobs` ended that ran for so long. Not finite or negative ones are left out. */
  observe(ms: number, jobs = 1): void {
    if (!(ms >= 0 && Number.isFinite(ms) && jobs > 0 && Number.isFinite(jobs))) return
    const kept = memory ** jobs
    this.total = 0
    for (let cell = 0; cell < cells; cell++) {
      this.counts[cell]! *= kept
      if (this.counts[cell]! < 1e-6) this.counts[cell] = 0
      this.total += this.counts[cell]!
    }
    // As much as so many jobs one after the other would be.
    const added = (1 - kept) / (1 - memory)
    this.counts[cellOf(ms)]! += added
    this.total += added
    this.known = undefined
  }

  /** Jobs that the estimate rests on, later ones counting more. */
  get weight(): number {
    return this.total
  }

  /** Milliseconds; undefined until a job has ended. */
  get meanMs(): number | undefined {
    if (this.total <= 0) return undefined
    if (this.known !== undefined) return this.known.mean
    let beyond = 0
    let cut = cells - 1
    for (; cut > 0; cut--) {
      beyond += this.counts[cut]!
      if (beyond > cutShare * this.total) break
    }
    let sum = 0
    for (let cell = 0; cell < cells; cell++) sum += this.counts[cell]! * middleOf(Math.min(cell, cut))
    this.known = { mean: sum / this.total }
    return this.known.mean
  }

  /** Probability that a job which has run for `elapsedMs` still runs `ms` later. */
  stillRunning(elapsedMs: number, ms: number, meanMs: number): number {
    const reached = this.longerThan(elapsedMs)
    if (reached < fewestBeyond) return Math.exp(-ms / meanMs)
    return Math.min(1, this.longerThan(elapsedMs + ms) / reached)
  }

  private longerThan(ms: number): number {
    const cell = cellOf(ms)
    let longer = 0
    for (let each = cell + 1; each < cells; each++) longer += this.counts[each]!
    const position = Math.log10(Math.max(ms, shortestMs) / shortestMs) * cellsPerDecade - cell
    return longer + this.counts[cell]! * Math.max(0, 1 - position)
  }
}
