/** Names who held the event loop: in the job's log, and to subscribers. */
import type { QueueEvents } from "../QueueEvents.ts"
import type { Attempt } from "./Attempt.ts"

/** A handler that holds the event loop longer than this is named, in milliseconds. */
export const blockingMs = 1000

export class LoopBlocks {
  private notedAt = 0
  private readonly now: () => number
  private readonly events: QueueEvents["Service"]

  /** `now` in milliseconds since 1970. */
  constructor(now: () => number, events: QueueEvents["Service"]) {
    this.now = now
    this.events = events
  }

  /** One of them held it for so long. */
  by(suspects: ReadonlyArray<Attempt>, blockedMs: number): void {
    const at = this.now()
    this.notedAt = at
    const seconds = (blockedMs / 1000).toFixed(1)
    for (const attempt of suspects) {
      attempt.log(
        "warning",
        suspects.length === 1
          ? `This job blocked the event loop for ${seconds} s; run CPU-bound work in a thread (toThreadLayer)`
          : `The event loop was blocked for ${seconds} s by this job or one of ${suspects.length - 1} others`
      )
    }
    this.events.publish({ _tag: "LoopBlocked", jobs: suspects.map(({ id, task }) => ({ id, task })), blockedMs, at })
  }

  /** The loop turned late while these ran; nothing new when the cause was named meanwhile. */
  noticed(running: ReadonlyArray<Attempt>, blockedMs: number): void {
    if (running.length > 0 && this.now() - this.notedAt > blockedMs) this.by(running, blockedMs)
  }
}
