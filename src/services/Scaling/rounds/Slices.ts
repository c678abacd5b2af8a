/** Long work in short pieces: the event loop turns in between, and the time that was spent is known. */
import { Clock, Context, Effect } from "effect"

/** The loop is held for about so long at a time, in milliseconds: short beside a job's own wait. */
const sliceMs = 4

/** The machine's own time: it is the event loop that is to be spared. */
export class Slices {
  private readonly share: number
  private readonly isReal: boolean
  private begunAt = performance.now()
  private spent = 0

  private constructor(share: number, isReal: boolean) {
    this.share = share
    this.isReal = isReal
  }

  /**
   * `share`: the part of the time, above 0, in which this work may be done; it sleeps for the rest. Default 1: all of
   * it. On a virtual clock there is nothing to spare, and no time is spent.
   */
  static make(share = 1): Effect.Effect<Slices> {
    return Clock.clockWith((clock) =>
      Effect.sync(() => new Slices(share, clock === Context.get(Context.empty(), Clock.Clock)))
    )
  }

  get spentMs(): number {
    return this.isReal ? this.spent + performance.now() - this.begunAt : 0
  }

  /** To be yielded after each piece of work. */
  readonly pause: Effect.Effect<void> = Effect.suspend(() => {
    const heldMs = performance.now() - this.begunAt
    if (heldMs < sliceMs || !this.isReal) return Effect.void
    this.spent += heldMs
    const rest = this.share < 1 ? Effect.sleep((heldMs * (1 - this.share)) / this.share) : Effect.yieldNow
    return Effect.map(rest, () => {
      this.begunAt = performance.now()
    })
  })
}
