/** What happened to the jobs of a group or task within some time, from the roll-ups. */
import { Histogram, type RollUp, type RollUpWidth } from "../services/Queue/index.ts"

export interface Figures {
  readonly name: string
  readonly arrivals: number
  readonly starts: number
  readonly completed: number
  /** Failed attempts, also those retried. */
  readonly failed: number
  readonly retried: number
  /** Given up. */
  readonly dead: number
  readonly cancelled: number
  readonly recovered: number
  readonly wait: Histogram.Histogram
  readonly run: Histogram.Histogram
}

const minute = 60_000
const hour = 3_600_000

/** The finest width that is kept for so long. */
export const widthFor = (spanMs: number): RollUpWidth => (spanMs <= hour ? 10_000 : spanMs <= 24 * hour ? minute : hour)

const nothing = (name: string): Figures => ({
  name,
  arrivals: 0,
  starts: 0,
  completed: 0,
  failed: 0,
  retried: 0,
  dead: 0,
  cancelled: 0,
  recovered: 0,
  wait: Histogram.empty,
  run: Histogram.empty
})

/** Sums by the name that `nameOf` gives; names in order. */
export const sumUp = (rollUps: ReadonlyArray<RollUp>, nameOf: (rollUp: RollUp) => string): ReadonlyArray<Figures> => {
  const byName = new Map<string, Figures>()
  for (const rollUp of rollUps) {
    const name = nameOf(rollUp)
    const sum = byName.get(name) ?? nothing(name)
    byName.set(name, {
      name,
      arrivals: sum.arrivals + rollUp.arrivals,
      starts: sum.starts + rollUp.starts,
      completed: sum.completed + rollUp.completed,
      failed: sum.failed + rollUp.failed,
      retried: sum.retried + rollUp.retried,
      dead: sum.dead + rollUp.dead,
      cancelled: sum.cancelled + rollUp.cancelled,
      recovered: sum.recovered + rollUp.recovered,
      wait: Histogram.merge(sum.wait, rollUp.wait),
      run: Histogram.merge(sum.run, rollUp.run)
    })
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
