import type { Archive } from "./Archive.ts"
import { ChangeAlarm } from "./ChangeAlarm.ts"
import { Lead, type Outlook } from "./Lead.ts"
import type { LocalCalendar } from "./LocalCalendar.ts"
import { Series } from "./Series.ts"
import { Misses } from "./Spread.ts"

/** After a change was noticed: steps, as a share of a day, for which intervals are wider, by this factor at first. */
const changeShare = 1 / 12
const changeWidening = 1.3

/** `share`: of the second. */
const mixed = (one: Outlook, other: Outlook, share: number): Outlook => {
  const mix = (of: keyof Outlook) => (1 - share) * one[of] + share * other[of]
  return {
    mean: mix("mean"),
    expected: mix("expected"),
    spread: mix("spread"),
    p05: mix("p05"),
    p50: mix("p50"),
    p90: mix("p90"),
    p95: mix("p95")
  }
}

/**
 * Direct forecasts of one series of counts: what all distances have in common, and a lead for each range of distances.
 */
export class Direct {
  readonly series: Series
  readonly leads: ReadonlyArray<Lead>
  private readonly misses: Misses
  private readonly alarm = new ChangeAlarm()
  private readonly reach: number
  /** Steps for which a change still counts as recent. */
  private changed = 0

  /** `reaches`: the farthest distance of each lead, ascending from 1. */
  constructor(calendar: LocalCalendar, reaches: ReadonlyArray<number>) {
    this.reach = reaches.at(-1)!
    this.series = new Series(calendar, this.reach)
    this.misses = new Misses(calendar.day)
    this.leads = reaches.map((to, i) => new Lead((reaches[i - 1] ?? 0) + 1, to))
  }

  /** Steps seen. */
  get steps(): number {
    return this.series.history.length
  }

  get isChanged(): boolean {
    return this.changed > 0
  }

  private get changeSteps(): number {
    return Math.max(30, Math.round(this.series.calendar.day * changeShare))
  }

  private get widening(): number {
    return 1 + ((changeWidening - 1) * this.changed) / this.changeSteps
  }

  /**
   * The count of the next step; undefined: not measured. Answers what the step counts as: what was expected of it when
   * it was not measured.
   */
  update(count: number | undefined): number {
    const { leads, misses, series } = this
    const step = this.steps
    this.changed = Math.max(0, this.changed - 1)
    if (count !== undefined) this.learn(count, step)
    const taken = count ?? (step === 0 ? 0 : leads[0]!.outlook(series, misses, 1, 1).expected)
    if (series.push(Math.sqrt(taken), count !== undefined)) for (const lead of leads) lead.forgetSeason()
    const { widening } = this
    for (const lead of leads) lead.remember(series, misses, widening)
    return taken
  }

  private learn(count: number, step: number): void {
    const { calendar } = this.series
    for (const lead of this.leads) {
      const met = lead.learn(count, step, calendar.day)
      if (lead.to !== 1 || met === undefined) continue
      this.misses.update(Math.abs(met.error), calendar.slot(step, calendar.day))
      if (this.alarm.update(met.error / met.spread)) this.onChange()
    }
  }

  private onChange(): void {
    this.changed = this.changeSteps
    for (const lead of this.leads) lead.shorten()
  }

  /**
   * The step `ahead` on: by the two leads whose middles it lies between. Beyond the last lead it goes by that one, and
   * its errors go on growing as those of a random walk would.
   */
  outlook(ahead: number): Outlook {
    const { leads, misses, series, widening } = this
    const after = leads.findIndex(({ middle }) => ahead <= middle)
    const next = leads[after === -1 ? leads.length - 1 : after]!
    const beyond = Math.sqrt(Math.max(1, ahead / this.reach))
    const farther = next.outlook(series, misses, ahead, widening * beyond)
    const before = leads[after - 1]
    if (before === undefined || ahead === next.middle) return farther
    const nearer = before.outlook(series, misses, ahead, widening)
    return mixed(nearer, farther, Math.log(ahead / before.middle) / Math.log(next.middle / before.middle))
  }

  carry(archive: Archive): void {
    for (const part of [this.series, this.misses, this.alarm, ...this.leads]) part.carry(archive)
    this.changed = archive.number(this.changed)
  }
}
