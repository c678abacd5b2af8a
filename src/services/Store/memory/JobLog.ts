/** The newest log lines of one job, numbered from 1 over its whole life. */
import type { LogLine } from "../Turn.ts"

export class JobLog {
  private lines: Array<LogLine> = []
  /** Lines that were dropped from the front. */
  private dropped = 0

  append(line: LogLine, most: number): void {
    this.lines.push(line)
    // Twice as many may pile up, so that dropping costs a constant per line.
    if (this.lines.length >= 2 * most) this.trim(most)
  }

  read(after: number, limit: number, most: number): { readonly lines: ReadonlyArray<LogLine>; readonly next: number } {
    this.trim(most)
    const from = Math.max(0, after - this.dropped)
    const lines = this.lines.slice(from, from + limit)
    return { lines, next: lines.length === 0 ? Math.max(0, after) : this.dropped + from + lines.length }
  }

  private trim(most: number): void {
    const surplus = this.lines.length - most
    if (surplus <= 0) return
    this.lines = this.lines.slice(surplus)
    this.dropped += surplus
  }
}
