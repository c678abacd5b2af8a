/** Long work in short pieces: the event loop turns in between, and the time that was spent is known. */
import { Effect } from "effect"

/** The loop is held for about so long at a time, in milliseconds: short beside a job's own wait. */
const sliceMs = 4

/** The machine's own time, whatever clock the program runs on: it is the event loop that is to be spared. */
export class Slices {
  private readonly share: number
  private begunAt = performance.now()
  private spent = 0

  /** `share`: the part of the time, above 0, in which this work may be done; it sleeps for the rest, by the program's clock. Default 1: all of it. */
  constructor(share = 1) {
    this.share = share
  }

  get spentMs(): number {
    return this.spent + performance.now() - this.begunAt
  }

  /** To be yielded after each piece of work. */
  readonly pause: Effect.Effect<void> = Effect.suspend(() => {
    const heldMs = performance.now() - this.begunAt
    if (heldMs < sliceMs) return Effect.void
    this.spent += heldMs
    const rest = this.share < 1 ? Effect.sleep((heldMs * (1 - this.share)) / this.share) : Effect.yieldNow
    return Effect.map(rest, () => {
      this.begunAt = performance.now()
    })
  })
}
