/**
 * The settings of the alerts in one process, with units, defaults and reasons. Where alerts go belongs to the process that sends them: no
 * address and no command is ever read from the store, so that who can write to the store cannot make a worker call or run anything.
 */
import { Context, Duration, type Effect, type Redacted, Schema } from "effect"

/** The settings name a sink or a zone that cannot be used. The message says what to correct. */
export class SettingsUnusable extends Schema.TaggedError<SettingsUnusable>()("SettingsUnusable", {
  message: Schema.String
}) {}

export interface WebhookSettings {
  /** `https` only, on port 443 unless the allow-list names another. */
  readonly url: string
}

export interface AlertSettings {
  /** How often the leader looks. Default 15 s: an alert is at most that late, and a look costs about a millisecond for a few groups. */
  readonly interval: Duration.Duration
  /** A firing alert is told again after this long. Default 4 hours. */
  readonly remind: Duration.Duration
  /** The zone that days and hours are counted in. Default `UTC`: the same on every machine. */
  readonly timeZone: string
  /** What is put before a runbook's file name. Default `docs/runbooks/`, where they lie in the package; a URL makes the links work anywhere. */
  readonly runbooks: string
  /** Whether alerts are logged. Default true; a function to write them elsewhere. */
  readonly log: boolean | ((line: string, isProblem: boolean) => Effect.Effect<void>)
  /** Where signed notifications are posted to. Default: nowhere. */
  readonly webhooks: ReadonlyArray<WebhookSettings>
  /** Hosts that may be posted to: names, `*.example.com` for those below, with `:port` for another than 443. Default: none. */
  readonly webhookHosts: ReadonlyArray<string>
  /** Signs the notifications; at least 24 bytes, or `whsec_` and base64. Without it nothing is posted. */
  readonly webhookSecret: Redacted.Redacted<string> | undefined
  /** A program and its arguments, run without a shell with the notification as JSON on its standard input. Default: none. */
  readonly command: ReadonlyArray<string> | undefined
  /** How long one send may take, to any sink. Default 8 s: all are over before the leader must renew its lead. */
  readonly sendTimeout: Duration.Duration
  /** Tries of one notification, 15 s apart at first and twice as long each time, up to 10 minutes. Default 8: half an hour. */
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

/** The settings in force; provide another value to change them, e.g. `{ ...defaults, webhooks: [{ url }] }`. */
export const Settings = Context.Reference<AlertSettings>("sluice/services/Alerts/AlertSettings", {
  defaultValue: () => defaults
})
