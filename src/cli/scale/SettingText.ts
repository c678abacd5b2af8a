/** Settings of a group on the command line: how each is written, read and shown. */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type { ScaleSettings, ScaleSettingsChange } from "../../services/Queue/index.ts"
import { parseDuration } from "../input/DurationInput.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"

type Settings = ScaleSettings.ScaleSettings
type Reading = Result.Result<ScaleSettingsChange, string>

export interface SettingSpec {
  readonly flag: string
  readonly name: keyof Settings
  readonly metavar: string
  readonly summary: string
  /** As a person reads it. */
  readonly show: (settings: Settings) => string
  /** The failure says what was expected. */
  readonly read: (text: string) => Reading
}

const whole = (text: string): number => (/^\d{1,7}$/.test(text) ? Number(text) : Number.NaN)

/** `5%`, `0.05`. */
const share = (text: string): number => {
  const found = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text)
  return found === null ? Number.NaN : Number(found[1]) / (found[2] === "%" ? 100 : 1)
}

const checked = <A>(value: A, isFine: boolean, expected: string, change: (value: A) => ScaleSettingsChange): Reading =>
  isFine ? Result.succeed(change(value)) : Result.fail(expected)

const duration = (text: string, change: (ms: number) => ScaleSettingsChange): Reading =>
  Result.mapBoth(parseDuration(text), {
    onFailure: ({ advice }) => advice,
    onSuccess: (value) => change(Duration.toMillis(value))
  })

const durationOr = (word: string, text: string, change: (ms: number | null) => ScaleSettingsChange): Reading =>
  text === word ? Result.succeed(change(null)) : duration(text, change)

const ms = HumanNumber.duration

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
    read: (text) =>
      checked(whole(text), whole(text) <= 1_000_000, "a whole number from 0 to 1000000", (minSlots) => ({ minSlots }))
  },
  {
    flag: "max",
    name: "maxSlots",
    metavar: "N|limit",
    summary: "the most slots; limit: the group's own limit, which bounds them in any case",
    show: ({ maxSlots }) => (maxSlots === null ? "the group's limit" : HumanNumber.count(maxSlots)),
    read: (text) =>
      text === "limit"
        ? Result.succeed({ maxSlots: null })
        : checked(
            whole(text),
            whole(text) <= 1_000_000,
            'a whole number from 0 to 1000000, or "limit"',
            (maxSlots) => ({ maxSlots })
          )
  },
  {
    flag: "quantile",
    name: "quantile",
    metavar: "Q",
    summary: "keep slots for this quantile of the coming arrivals, 0.5 to 0.99",
    show: ({ quantile }) => String(quantile),
    read: (text) =>
      checked(share(text), share(text) >= 0.5 && share(text) <= 0.99, "0.5 to 0.99, or 50% to 99%", (quantile) => ({
        quantile
      }))
  },
  {
    flag: "hold",
    name: "holdDownMs",
    metavar: "DURATION",
    summary: "fewer slots must suffice for so long before they are fewer",
    show: ({ holdDownMs }) => ms(holdDownMs),
    read: (text) => duration(text, (holdDownMs) => ({ holdDownMs }))
  },
  {
    flag: "drain",
    name: "drainMs",
    metavar: "DURATION",
    summary: "work a backlog off within this time",
    show: ({ drainMs }) => ms(drainMs),
    read: (text) => duration(text, (drainMs) => ({ drainMs }))
  },
  {
    flag: "startup",
    name: "startupMs",
    metavar: "DURATION|auto",
    summary: "from a decision to slots that run jobs; auto: learned",
    show: ({ startupMs }) => (startupMs === null ? "learned" : ms(startupMs)),
    read: (text) => durationOr("auto", text, (startupMs) => ({ startupMs }))
  },
  {
    flag: "wait",
    name: "waitMs",
    metavar: "DURATION|auto",
    summary: "how long a job may wait for a slot; auto: a tenth of its run time, at least 1 s",
    show: ({ waitMs }) => (waitMs === null ? "a tenth of the run time, at least 1 s" : ms(waitMs)),
    read: (text) => durationOr("auto", text, (waitMs) => ({ waitMs }))
  },
  {
    flag: "late",
    name: "lateShare",
    metavar: "SHARE",
    summary: "the part of jobs that may wait longer, 0.001 to 0.5",
    show: ({ lateShare }) => `${Number((lateShare * 100).toPrecision(3))} %`,
    read: (text) =>
      checked(share(text), share(text) >= 0.001 && share(text) <= 0.5, "0.001 to 0.5, or 0.1% to 50%", (lateShare) => ({
        lateShare
      }))
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
