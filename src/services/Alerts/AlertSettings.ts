/**
 * The settings of the alerts in one process, with units, defaults and reasons. Where alerts go belongs to the process
 * that sends them: no address and no command is ever read from the store, so that who can write to the store cannot
 * make a worker call or run anything.
 */
import { Context, Duration, Effect, type Redacted, Schema } from "effect"
import * as Bounds from "../Queue/policy/Bounds.ts"
import * as Durations from "../Queue/policy/Durations.ts"

/**
 * The settings name a sink or a zone that cannot be used, or hold what is out of its range. The message says what to
 * correct.
 */
export class SettingsUnusable extends Schema.TaggedError<SettingsUnusable>()("SettingsUnusable", {
  message: Schema.String
}) {}

export interface WebhookSettings {
  /** `https` only, on port 443 unless the allow-list names another. */
  readonly url: string
}

export interface AlertSettings {
  /**
   * How often the leader looks, at least 100 ms. Default 15 s: an alert is at most that late, and a look costs about a
   * millisecond for a few groups.
   */
  readonly interval: Duration.Duration
  /** A firing alert is told again after this long, at least a second; infinite: never. Default 4 hours. */
  readonly remind: Duration.Duration
  /** The zone that days and hours are counted in. Default `UTC`: the same on every machine. */
  readonly timeZone: string
  /**
   * What is put before a runbook's file name. Default `docs/runbooks/`, where they lie in the package; a URL makes the
   * links work anywhere.
   */
  readonly runbooks: string
  /** Whether alerts are logged. Default true; a function to write them elsewhere. */
  readonly log: boolean | ((line: string, isProblem: boolean) => Effect.Effect<void>)
  /** Where signed notifications are posted to. Default: nowhere. */
  readonly webhooks: ReadonlyArray<WebhookSettings>
  /**
   * Hosts that may be posted to: names, `*.example.com` for those below, with `:port` for another than 443. Default:
   * none.
   */
  readonly webhookHosts: ReadonlyArray<string>
  /** Signs the notifications; at least 24 bytes, or `whsec_` and base64. Without it nothing is posted. */
  readonly webhookSecret: Redacted.Redacted<string> | undefined
  /**
   * A program and its arguments, run without a shell with the notification as JSON on its standard input. Default:
   * none.
   */
  readonly command: ReadonlyArray<string> | undefined
  /**
   * How long one send may take, to any sink, 1 ms to an hour. Default 8 s: all are over before the leader must renew
   * its lead.
   */
  readonly sendTimeout: Duration.Duration
  /**
   * Tries of one notification, 15 s apart at first and twice as long each time, up to 10 minutes; 1 to 1,000. Default
   * 8: half an hour.
   */
  readonly tries: number
  /** For tests only: allows webhooks to `http` on loopback addresses. Default false. */
  readonly allowLoopback: boolean
  /** Addresses of a host name. Default: the system's. */
  readonly resolve: ((host: string) => Promise<ReadonlyArray<string>>) | undefined
}

export const defaults: AlertSettings = {
  interval: Duration.seconds(15),
  remind: Duration.hours(4),
  timeZone: "UTC",
  runbooks: "docs/runbooks/",
  log: true,
  webhooks: [],
  webhookHosts: [],
  webhookSecret: undefined,
  command: undefined,
  sendTimeout: Duration.seconds(8),
  tries: 8,
  allowLoopback: false,
  resolve: undefined
}

const names: ReadonlySet<string> = new Set(Object.keys(defaults))
const leastIntervalMs = 100
const leastRemindMs = 1000
const longestSendMs = 3_600_000
const mostTries = 1000
const mostWebhooks = 1000

/** The settings, each within its range. Throws `OutOfBounds`. */
export const check = (settings: AlertSettings): AlertSettings => {
  Bounds.fields("alert settings", settings, names)
  Durations.duration("interval", settings.interval, leastIntervalMs)
  if (Durations.limit("remind", settings.remind) < leastRemindMs)
    Durations.duration("remind", settings.remind, leastRemindMs)
  Durations.duration("sendTimeout", settings.sendTimeout, 1, longestSendMs)
  Bounds.whole("tries", settings.tries, 1, mostTries)
  Bounds.boolean("allowLoopback", settings.allowLoopback)
  if (typeof settings.log !== "boolean") Bounds.callback("log", settings.log)
  if (settings.resolve !== undefined) Bounds.callback("resolve", settings.resolve)
  for (const name of ["timeZone", "runbooks"] as const)
    if (typeof settings[name] !== "string") Bounds.refuse(name, settings[name], "text")
  Bounds.words("webhookHosts", settings.webhookHosts, mostWebhooks)
  Bounds.words(
    "webhooks",
    Bounds.orRefuse("webhooks", () => settings.webhooks.map(({ url }) => url)),
    mostWebhooks
  )
  if (settings.command !== undefined) Bounds.words("command", settings.command, Number.MAX_SAFE_INTEGER)
  return settings
}

/** The settings in force; provide another value to change them, e.g. `{ ...defaults, webhooks: [{ url }] }`. */
export const Settings = Context.Reference<AlertSettings>("sluice/services/Alerts/AlertSettings", {
  defaultValue: () => defaults
})

/** The settings in force, checked. */
export const checkedSettings: Effect.Effect<AlertSettings, SettingsUnusable> = Effect.flatMap(Settings, (settings) =>
  Effect.try({
    try: () => check(settings),
    catch: (error) => {
      if (!(error instanceof Bounds.OutOfBounds)) throw error
      return new SettingsUnusable({ message: `Alert setting ${error.message}` })
    }
  })
)
