/**
 * What the backlogs of groups will do: from a forecast of arrivals where there is one, otherwise from what came lately.
 */
import { Effect } from "effect"
import type { StoreError } from "../../Store/StoreError.ts"
import type { ArrivalsAhead, AskArrivals } from "../ArrivalForecast.ts"
import { projectBacklog } from "../policy/BacklogForecast.ts"
import { type Look, type Outlook, serviceMs } from "../policy/Figures.ts"

const minuteMs = 60_000
/** A forecast is asked for once in a step of its own, not with each look. */
const askedMs = minuteMs

/** Jobs that came lately go on coming: as a mean, with what counting alone brings at nine in ten. */
const flat = (perMinute: number, horizonMs: number): ArrivalsAhead => ({
  stepMs: minuteMs,
  steps: Array.from({ length: Math.ceil(horizonMs / minuteMs) }, () => ({
    p50: perMinute,
    p90: perMinute + 1.2816 * Math.sqrt(perMinute)
  }))
})

interface Asked {
  readonly at: number
  readonly horizonMs: number
  readonly ahead: ArrivalsAhead | undefined
}

export class Outlooks {
  private readonly ask: AskArrivals | undefined
  private readonly asked = new Map<string, Asked>()

  constructor(ask: AskArrivals | undefined) {
    this.ask = ask
  }

  /**
   * Of one group. Its capacity is its slots over all workers, each doing a job in the mean time of late; undefined
   * where no slot is or no job ended lately.
   */
  of(look: Omit<Look, "outlooks">, group: string, horizonMs: number): Effect.Effect<Outlook | undefined, StoreError> {
    return Effect.gen({ self: this }, function* () {
      // Whole minutes only: the present one would count for too little, or for too much.
      const until = Math.floor(look.now / minuteMs) * minuteMs
      const rows = (look.minutes.get(group) ?? []).filter(({ start }) => start >= until - serviceMs && start < until)
      const ended = rows.reduce((total, { run }) => total + run.count, 0)
      const meanMs = rows.reduce((total, { run }) => total + run.sum, 0) / ended
      const { limit, paused } = look.groups.find(({ name }) => name === group)!
      const slots = look.workers.reduce(
        (total, worker) => total + (worker.draining ? 0 : (worker.slots[group] ?? 0)),
        0
      )
      if (ended === 0 || slots === 0) return undefined
      const backlog = (look.pending.get(group) ?? []).reduce((total, { count }) => total + count, 0)
      const arrived = rows.reduce((total, { arrivals }) => total + arrivals, 0)
      const { stepMs, steps } =
        (yield* this.ahead(group, horizonMs, look.now)) ?? flat(arrived / (serviceMs / minuteMs), horizonMs)
      const perMs = paused || look.paused ? 0 : Math.min(limit, slots) / Math.max(meanMs, 0.01)
      return { backlog, path: projectBacklog({ backlog, stepMs, steps, perMs }) }
    })
  }

  private ahead(group: string, horizonMs: number, now: number): Effect.Effect<ArrivalsAhead | undefined, StoreError> {
    if (this.ask === undefined) return Effect.succeed(undefined)
    const known = this.asked.get(group)
    if (known !== undefined && known.horizonMs === horizonMs && now >= known.at && now - known.at < askedMs)
      return Effect.succeed(known.ahead)
    return Effect.map(this.ask(group, horizonMs), (ahead) => {
      this.asked.set(group, { at: now, horizonMs, ahead })
      return ahead
    })
  }
}
