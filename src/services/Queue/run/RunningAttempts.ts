/**
 * The attempts that run in this worker, in no order. Each knows its place, so that coming and going cost no look-up and
 * no memory; finding one by its job, which only operators' signals ask for, goes through all.
 */
import type { JobId } from "../Job.ts"

export interface Placed {
  readonly id: JobId
  /** Its index; −1 when it is not running. Kept by `RunningAttempts`. */
  place: number
}

export class RunningAttempts<A extends Placed> {
  private readonly attempts: Array<A> = []

  get size(): number {
    return this.attempts.length
  }

  add(attempt: A): void {
    attempt.place = this.attempts.length
    this.attempts.push(attempt)
  }

  /** Nothing when it is not running. */
  remove(attempt: A): void {
    const { place } = attempt
    if (place < 0) return
    const last = this.attempts.pop()!
    if (last !== attempt) {
      this.attempts[place] = last
      last.place = place
    }
    attempt.place = -1
  }

  find(id: JobId): A | undefined {
    return this.attempts.find((attempt) => attempt.id === id)
  }

  ids(): ReadonlyArray<JobId> {
    return this.attempts.map(({ id }) => id)
  }

  /** As they are now: they may end while the list is walked. */
  all(): ReadonlyArray<A> {
    return [...this.attempts]
  }
}
