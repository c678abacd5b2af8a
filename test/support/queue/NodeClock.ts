/**
 * The clock of one simulated process: it can be stopped, as a process is by SIGSTOP, and never started again, as after
 * SIGKILL.
 */
import { type Clock, type Duration, Effect, Latch } from "effect"

export class NodeClock implements Clock.Clock {
  readonly currentTimeMillis: Effect.Effect<number>
  readonly currentTimeNanos: Effect.Effect<bigint>
  readonly monotonicTimeNanos: Effect.Effect<bigint>
  private readonly base: Clock.Clock
  private readonly open = Latch.makeUnsafe(true)
  private isFrozen = false
  /** How far its wall clock is from that of the test, in milliseconds. */
  skewMs = 0

  constructor(base: Clock.Clock) {
    this.base = base
    this.currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
    this.currentTimeNanos = base.currentTimeNanos
    this.monotonicTimeNanos = base.monotonicTimeNanos
  }

  get frozen(): boolean {
    return this.isFrozen
  }

  currentTimeMillisUnsafe(): number {
    return this.base.currentTimeMillisUnsafe() + this.skewMs
  }
  currentTimeNanosUnsafe(): bigint {
    return this.base.currentTimeNanosUnsafe()
  }
  monotonicTimeNanosUnsafe(): bigint {
    return this.base.monotonicTimeNanosUnsafe()
  }

  /** Time passes while it is frozen, and nobody wakes. */
  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.andThen(
      this.base.sleep(duration),
      Effect.suspend(() => (this.isFrozen ? this.open.await : Effect.void))
    )
  }

  freeze(): void {
    this.isFrozen = true
    this.open.closeUnsafe()
  }

  thaw(): void {
    this.isFrozen = false
    this.open.openUnsafe()
  }
}
