/** Long work in short pieces: the event loop turns in between, and the time that was spent is known. */
import { Effect } from "effect"

/** The loop is held for about so long at a time, in milliseconds: short beside a job's own wait. */
const sliceMs = 4

/** The machine's own time, whatever clock the program runs on: it is the event loop that is to be spared. */
export class Slices {
  private begunAt = performance.now()
  private spent = 0

  get spentMs(): number {
    return this.spent + performance.now() - this.begunAt
  }

  /** To be yielded after each piece of work. */
  readonly pause: Effect.Effect<void> = Effect.suspend(() => {
    const heldMs = performance.now() - this.begunAt
    if (heldMs < sliceMs) return Effect.void
    this.spent += heldMs
    return Effect.map(Effect.yieldNow, () => {
      this.begunAt = performance.now()
    })
  })
}
