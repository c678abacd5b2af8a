/** The roll-ups of the last minutes, kept from look to look: what is old enough to be final is asked for once. */
import { Effect } from "effect"
import type { RollUps } from "../../Store/RollUps.ts"
import type { RollUp } from "../../Store/RollUp.ts"
import type { StoreError } from "../../Store/StoreError.ts"

const minuteMs = 60_000
/** Workers tell what happened within ten seconds or so; a minute that ended this long ago is final. */
const settledMs = 2 * minuteMs

export class RecentMinutes {
  private readonly rollUps: RollUps["Service"]
  private readonly minutes = new Map<number, ReadonlyArray<RollUp>>()

  constructor(rollUps: RollUps["Service"]) {
    this.rollUps = rollUps
  }

  /** By group, oldest first: all minutes that overlap the last `spanMs` before `now`. */
  read(now: number, spanMs: number): Effect.Effect<ReadonlyMap<string, ReadonlyArray<RollUp>>, StoreError> {
    if (spanMs === 0) return Effect.succeed(new Map())
    const oldest = Math.floor((now - spanMs) / minuteMs) * minuteMs
    let from = oldest
    while (this.minutes.has(from)) from += minuteMs
    return Effect.map(this.rollUps.jobs({ width: minuteMs, from, to: now + 1 }), (rows) => {
      for (const start of [...this.minutes.keys()]) if (start < oldest || start >= from) this.minutes.delete(start)
      const fresh = Map.groupBy(rows, ({ start }) => start)
      const groups = new Map<string, Array<RollUp>>()
      for (let start = oldest; start <= now; start += minuteMs) {
        const minute = this.minutes.get(start) ?? fresh.get(start) ?? []
        if (start + minuteMs + settledMs <= now) this.minutes.set(start, minute)
        for (const row of minute) {
          const known = groups.get(row.group)
          if (known === undefined) groups.set(row.group, [row])
          else known.push(row)
        }
      }
      return groups
    })
  }
}
