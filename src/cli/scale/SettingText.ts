/** Settings of a group on the command line: how each is written, read and shown. */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type { ScaleSettings, ScaleSettingsChange } from "../../services/Queue/index.ts"
import { parseDuration } from "../input/DurationInput.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"

type Settings = ScaleSettings.ScaleSettings
/** The failure says what was expected. */
type Reading<A> = Result.Result<A, string>
type Read<A> = (text: string) => Reading<A>

export interface SettingSpec {
  readonly flag: string
  readonly name: keyof Settings
  readonly metavar: string
  readonly summary: string
  /** As a person reads it. */
  readonly show: (settings: Settings) => string
  readonly read: Read<ScaleSettingsChange>
}

const slots: Read<number> = (text) =>
  /^\d{1,7}$/.test(text) && Number(text) <= 1_000_000
    ? Result.succeed(Number(text))
    : Result.fail("a whole number from 0 to 1000000")

/** `5%` or `0.05`. */
const share =
  (least: number, most: number): Read<number> =>
  (text) => {
    const found = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text)
    const value = found === null ? Number.NaN : Number(found[1]) / (found[2] === "%" ? 100 : 1)
    return value >= least && value <= most
      ? Result.succeed(value)
      : Result.fail(`${least} to ${most}, or ${least * 100}% to ${most * 100}%`)
  }

const duration: Read<number> = (text) =>
  Result.mapBoth(parseDuration(text), { onFailure: ({ advice }) => advice, onSuccess: Duration.toMillis })

/** A word stands for null, which leaves the choice to the scaler. */
const orNull =
  (word: string, read: Read<number>): Read<number | null> =>
  (text) =>
    text === word ? Result.succeed(null) : Result.mapError(read(text), (expected) => `${expected}, or ${word}`)

const reading =
  <A>(read: Read<A>, change: (value: A) => ScaleSettingsChange): Read<ScaleSettingsChange> =>
  (text) =>
    Result.map(read(text), change)

const ms = HumanNumber.duration
const count = (slots: number | null, otherwise: string): string =>
  slots === null ? otherwise : HumanNumber.count(slots)

export const settingSpecs: ReadonlyArray<SettingSpec> = [
  {
    flag: "mode",
    name: "mode",
    metavar: "off|shadow|on",
    summary: "off: not looked at; shadow: decides and keeps what it decided, moves nothing; on: moves slots",
    show: ({ mode }) => mode,
    read: (text) =>
      text === "off" || text === "shadow" || text === "on"
        ? Result.succeed({ mode: text })
        : Result.fail("off, shadow or on")
  },
  {
    flag: "min",
    name: "minSlots",
    metavar: "N",
    summary: "the fewest slots over all workers",
    show: ({ minSlots }) => HumanNumber.count(minSlots),
    read: reading(slots, (minSlots) => ({ minSlots }))
  },
  {
    flag: "max",
    name: "maxSlots",
    metavar: "N|limit",
    summary: "the most slots; limit: the group's own limit, which bounds them in any case",
    show: ({ maxSlots }) => count(maxSlots, "the group's limit"),
    read: reading(orNull("limit", slots), (maxSlots) => ({ maxSlots }))
  },
  {
    flag: "forecast",
    name: "forecast",
    metavar: "on|off",
    summary: "off: decide by what arrives, runs and waits alone",
    show: ({ forecast }) => (forecast ? "on" : "off"),
    read: (text) =>
      text === "on" || text === "off" ? Result.succeed({ forecast: text === "on" }) : Result.fail("on or off")
  },
  {
    flag: "quantile",
    name: "quantile",
    metavar: "Q|auto",
    summary: "keep slots for this quantile of the coming arrivals, 0.5 to 0.99; auto: learned",
    show: ({ quantile }) => (quantile === null ? "learned" : String(quantile)),
    read: reading(orNull("auto", share(0.5, 0.99)), (quantile) => ({ quantile }))
  },
  {
    flag: "hold",
    name: "holdDownMs",
    metavar: "DURATION",
    summary: "fewer slots must suffice for so long before they are fewer",
    show: ({ holdDownMs }) => ms(holdDownMs),
    read: reading(duration, (holdDownMs) => ({ holdDownMs }))
  },
  {
    flag: "drain",
    name: "drainMs",
    metavar: "DURATION",
    summary: "work a backlog off within this time",
    show: ({ drainMs }) => ms(drainMs),
    read: reading(duration, (drainMs) => ({ drainMs }))
  },
  {
    flag: "startup",
    name: "startupMs",
    metavar: "DURATION|auto",
    summary: "from a decision to slots that run jobs; auto: learned",
    show: ({ startupMs }) => (startupMs === null ? "learned" : ms(startupMs)),
    read: reading(orNull("auto", duration), (startupMs) => ({ startupMs }))
  },
  {
    flag: "wait",
    name: "waitMs",
    metavar: "DURATION|auto",
    summary: "how long a job may wait for a slot; auto: a tenth of its run time, at least 1 s",
    show: ({ waitMs }) => (waitMs === null ? "a tenth of the run time, at least 1 s" : ms(waitMs)),
    read: reading(orNull("auto", duration), (waitMs) => ({ waitMs }))
  },
  {
    flag: "late",
    name: "lateShare",
    metavar: "SHARE",
    summary: "the part of jobs that may wait longer, 0.001 to 0.5",
    show: ({ lateShare }) => `${Number((lateShare * 100).toPrecision(3))} %`,
    read: reading(share(0.001, 0.5), (lateShare) => ({ lateShare }))
  },
  {
    flag: "most-up",
    name: "mostUp",
    metavar: "N|any",
    summary: "the most slots that one decision adds",
    show: ({ mostUp }) => count(mostUp, "any number"),
    read: reading(orNull("any", slots), (mostUp) => ({ mostUp }))
  },
  {
    flag: "most-down",
    name: "mostDown",
    metavar: "N|any",
    summary: "the most slots that one decision takes away",
    show: ({ mostDown }) => count(mostDown, "any number"),
    read: reading(orNull("any", slots), (mostDown) => ({ mostDown }))
  },
  {
    flag: "step",
    name: "stepMs",
    metavar: "10s|1m|1h",
    summary: "width of a step of the forecast",
    show: ({ stepMs }) => ms(stepMs),
    read: (text) => {
      const read = parseDuration(text)
      const step = Result.isSuccess(read) ? Duration.toMillis(read.success) : 0
      return step === 10_000 || step === 60_000 || step === 3_600_000
        ? Result.succeed({ stepMs: step })
        : Result.fail("10s, 1m or 1h, the widths that the store keeps")
    }
  },
  {
    flag: "time-zone",
    name: "timeZone",
    metavar: "ZONE",
    summary: "whose days and weeks the load follows",
    show: ({ timeZone }) => timeZone,
    read: (text) => Result.succeed({ timeZone: text })
  }
]
