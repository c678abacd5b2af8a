/**
 * The clock of a host that can be set while processes run: the machine's, and an offset that a file tells. The
 * monotonic clock and timers go on undisturbed, as on a real host.
 */
import type { Clock } from "effect"
import { Context, Clock as Clocks, Effect } from "effect"
import { readFileSync, renameSync, writeFileSync } from "node:fs"

/**
 * Between two looks at the file: the machine is as exact as that about the moment when all its processes see another
 * time.
 */
const lookEveryMs = 50

const offsetIn = (file: string): number => {
  try {
    return Number(readFileSync(file, "utf8"))
  } catch {
    return 0
  }
}

/** Sets it for every process that looks at the file, in milliseconds from the machine's time. */
export const setOffset = (file: string, ms: number): void => {
  writeFileSync(`${file}.new`, String(ms))
  renameSync(`${file}.new`, file)
}

export class HostClock implements Clock.Clock {
  private readonly base = Context.get(Context.empty(), Clocks.Clock)
  private offsetMs: number

  constructor(file: string) {
    this.offsetMs = offsetIn(file)
    setInterval(() => {
      this.offsetMs = offsetIn(file)
    }, lookEveryMs).unref()
  }

  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  currentTimeMillisUnsafe(): number {
    return this.base.currentTimeMillisUnsafe() + this.offsetMs
  }
  currentTimeNanosUnsafe(): bigint {
    return this.base.currentTimeNanosUnsafe() + BigInt(this.offsetMs) * 1_000_000n
  }
  monotonicTimeNanosUnsafe(): bigint {
    return this.base.monotonicTimeNanosUnsafe()
  }
  sleep(duration: Parameters<Clock.Clock["sleep"]>[0]): Effect.Effect<void> {
    return this.base.sleep(duration)
  }
}
