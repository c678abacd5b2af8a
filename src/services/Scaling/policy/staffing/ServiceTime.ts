/**
 * How long jobs of a group run, learned from those that ended. The mean decides the load; the longest thousandth counts
 * as the shortest of them, so that one hung job is not a fleet. How likely a job that has run for a while still runs
 * later: of the jobs that ran as long, the part that ran on (the survival function, conditional on the age).
 */
import { LogHistogram, type LogHistogramState } from "./LogHistogram.ts"

const shortestMs = 0.01
/** Jobs count half after 1,400 later ones. */
const memory = 0.9995
const cut = 0.001
/** With fewer jobs than this beyond its age, a job's rest is taken as memoryless. */
const fewestBeyond = 5

export class ServiceTime {
  private readonly times: LogHistogram
  private known: number | undefined

  constructor(state?: LogHistogramState) {
    this.times = new LogHistogram(shortestMs, state)
  }

  save(): LogHistogramState {
    return this.times.save()
  }

  /** `jobs` ended that ran for so long. Not finite or negative ones are left out. */
  observe(ms: number, jobs = 1): void {
    if (!(ms >= 0 && Number.isFinite(ms) && jobs > 0 && Number.isFinite(jobs))) return
    const kept = memory ** jobs
    // As much as so many jobs one after the other.
    this.times.add(ms, (1 - kept) / (1 - memory), Math.max(kept, 1e-6))
    this.known = undefined
  }

  /** Milliseconds; undefined until a job has ended. */
  get meanMs(): number | undefined {
    this.known ??= this.times.mean(cut)
    return this.known
  }

  /** Probability that a job which has run for `elapsedMs` still runs `ms` later. */
  stillRunning(elapsedMs: number, ms: number, meanMs: number): number {
    const reached = this.times.largerThan(elapsedMs)
    return reached < fewestBeyond
      ? Math.exp(-ms / meanMs)
      : Math.min(1, this.times.largerThan(elapsedMs + ms) / reached)
  }
}
