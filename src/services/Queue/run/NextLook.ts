/** One timer for the earliest time at which there is something new to claim. */
import { Effect } from "effect"

export class NextLook {
  private at = Number.POSITIVE_INFINITY
  private timer: { interruptUnsafe: () => void } | undefined
  private readonly fork: (effect: Effect.Effect<void>) => { interruptUnsafe: () => void }
  private readonly look: () => void

  constructor(fork: (effect: Effect.Effect<void>) => { interruptUnsafe: () => void }, look: () => void) {
    this.fork = fork
    this.look = look
  }

  /** Looks at `due`, unless it does so before. */
  by(due: number, now: number): void {
    if (due >= this.at) return
    this.at = due
    this.timer?.interruptUnsafe()
    this.timer = this.fork(
      Effect.sleep(Math.max(1, due - now)).pipe(
        Effect.andThen(
          Effect.sync(() => {
            this.at = Number.POSITIVE_INFINITY
            this.look()
          })
        )
      )
    )
  }

  close(): void {
    this.timer?.interruptUnsafe()
  }
}
