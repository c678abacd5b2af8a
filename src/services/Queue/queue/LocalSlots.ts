/**
 * Slots for effects of this process that need no store (`TaskQueue.submit`): per group a number that run at once, the
 * rest in order of priority, then arrival.
 */
import { Effect } from "effect"
import { lowestPriority } from "../policy/Rank.ts"

interface Group {
  readonly limit: number
  running: number
  /** One line per priority. */
  readonly waiting: ReadonlyArray<Set<() => void>>
}

export class LocalSlots {
  private readonly groups = new Map<string, Group>()

  private groupOf(name: string, limit: number): Group {
    let group = this.groups.get(name)
    if (group === undefined) {
      group = { limit, running: 0, waiting: Array.from({ length: lowestPriority + 1 }, () => new Set<() => void>()) }
      this.groups.set(name, group)
    }
    return group
  }

  private release(group: Group): void {
    for (const line of group.waiting) {
      for (const start of line) {
        line.delete(start)
        return start()
      }
    }
    group.running--
  }

  /**
   * Runs the effect in a slot of the group; waits for one if need be. Interruption gives the place or the slot back.
   */
  run<A, E, R>(effect: Effect.Effect<A, E, R>, name: string, limit: number, priority: number): Effect.Effect<A, E, R> {
    const group = this.groupOf(name, limit)
    const acquire = Effect.callback<void>((resume) => {
      if (group.running < group.limit) {
        group.running++
        return resume(Effect.void)
      }
      const line = group.waiting[priority]!
      const start = () => resume(Effect.void)
      line.add(start)
      return Effect.sync(() => {
        if (!line.delete(start)) this.release(group)
      })
    })
    return Effect.acquireUseRelease(
      Effect.interruptible(acquire),
      () => effect,
      () => Effect.sync(() => this.release(group))
    )
  }
}
