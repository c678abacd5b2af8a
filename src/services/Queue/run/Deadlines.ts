/**
 * Time limits of many running jobs with one timer: a wheel of 100 ms buckets. What is armed is a link in its bucket's
 * chain, so that arming and disarming allocate nothing; a limit fires at most 100 ms late and never early.
 */
import { Effect, type Fiber } from "effect"

export const bucketMs = 100

export interface Expiring {
  /** The bucket it is armed in; −1 when in none. Kept by `Deadlines`. */
  bucket: number
  /** Its neighbours in the bucket. Kept by `Deadlines`. */
  before: Expiring | undefined
  after: Expiring | undefined
  /** Its limit was reached. It is no longer armed. */
  expired(now: number): void
}

const unlink = (entry: Expiring) => {
  entry.bucket = -1
  entry.before = undefined
  entry.after = undefined
}

export class Deadlines {
  private readonly buckets = new Map<number, Expiring>()
  private next = Number.POSITIVE_INFINITY
  private timer: Fiber.Fiber<void> | undefined
  private readonly now: () => number
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>

  constructor(now: () => number, fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.now = now
    this.fork = fork
  }

  /** `at` by the clock given to the constructor, in milliseconds; infinite: never. Arms anew if it is armed already. */
  arm(entry: Expiring, at: number): void {
    this.disarm(entry)
    if (at === Number.POSITIVE_INFINITY) return
    const bucket = Math.ceil(at / bucketMs)
    entry.bucket = bucket
    const first = this.buckets.get(bucket)
    entry.after = first
    if (first !== undefined) first.before = entry
    this.buckets.set(bucket, entry)
    if (bucket < this.next) this.sleepUntil(bucket)
  }

  disarm(entry: Expiring): void {
    if (entry.bucket < 0) return
    const { after, before, bucket } = entry
    if (before !== undefined) before.after = after
    else if (after !== undefined) this.buckets.set(bucket, after)
    else this.buckets.delete(bucket)
    if (after !== undefined) after.before = before
    unlink(entry)
  }

  close(): void {
    this.timer?.interruptUnsafe()
    this.buckets.clear()
  }

  private sleepUntil(bucket: number): void {
    this.next = bucket
    this.timer?.interruptUnsafe()
    const delay = Math.max(0, bucket * bucketMs - this.now())
    this.timer = this.fork(Effect.sleep(delay).pipe(Effect.andThen(Effect.sync(() => this.fire()))))
  }

  private fire(): void {
    const now = this.now()
    const due = Math.floor(now / bucketMs)
    let next = Number.POSITIVE_INFINITY
    const expired: Array<Expiring> = []
    for (const [bucket, first] of this.buckets) {
      if (bucket > due) {
        next = Math.min(next, bucket)
        continue
      }
      this.buckets.delete(bucket)
      for (let entry: Expiring | undefined = first; entry !== undefined; ) {
        const { after }: Expiring = entry
        unlink(entry)
        expired.push(entry)
        entry = after
      }
    }
    this.timer = undefined
    this.next = Number.POSITIVE_INFINITY
    if (next < this.next) this.sleepUntil(next)
    for (const entry of expired) entry.expired(now)
  }
}
