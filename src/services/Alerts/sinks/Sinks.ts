/** The sinks that the settings ask for. */
import { Clock, Effect } from "effect"
import { type AlertSettings, checkedSettings, SettingsUnusable } from "../AlertSettings.ts"
import type { Sink } from "../Sink.ts"
import { logSink } from "./LogSink.ts"
import { secretFault } from "./Signature.ts"
import { readTarget } from "./WebhookTarget.ts"

const webhooks = (settings: AlertSettings): Effect.Effect<ReadonlyArray<Sink>, SettingsUnusable> =>
  Effect.gen(function* () {
    const unusable = (message: string) => new SettingsUnusable({ message })
    if (settings.webhooks.length === 0) return []
    const secret = settings.webhookSecret
    if (secret === undefined)
      return yield* unusable(
        "webhooks are signed and there is no secret; set SLUICE_ALERT_WEBHOOK_SECRET or SLUICE_ALERT_WEBHOOK_SECRET_FILE"
      )
    const fault = secretFault(secret)
    if (fault !== undefined) return yield* unusable(fault)
    const targets: Array<URL> = []
    for (const { url } of settings.webhooks) {
      const target = readTarget(url, { hosts: settings.webhookHosts, allowLoopback: settings.allowLoopback })
      if (typeof target === "string") return yield* unusable(target)
      targets.push(target)
    }
    const clock = yield* Clock.Clock
    // The HTTP client is loaded where it is used: most processes send nothing.
    const { webhookSink } = yield* Effect.promise(() => import("./WebhookSink.ts"))
    return targets.map((target) => webhookSink(target, secret, settings, clock))
  })

const command = (settings: AlertSettings): Effect.Effect<ReadonlyArray<Sink>> =>
  Effect.gen(function* () {
    const [program, ...args] = settings.command ?? []
    if (program === undefined) return []
    const { commandSink } = yield* Effect.promise(() => import("./CommandSink.ts"))
    return [commandSink([program, ...args], settings)]
  })

/** Two of one host are told apart by their number: the rest of a URL may be secret. */
const numbered = (sinks: ReadonlyArray<Sink>): ReadonlyArray<Sink> =>
  sinks.map((sink, i) => {
    const before = sinks.slice(0, i).filter(({ name }) => name === sink.name).length
    return before === 0 ? sink : { ...sink, name: `${sink.name} (${before + 1})` }
  })

export const makeSinks: Effect.Effect<ReadonlyArray<Sink>, SettingsUnusable> = Effect.gen(function* () {
  const settings = yield* checkedSettings
  return numbered([
    ...(settings.log === false ? [] : [logSink(settings.log === true ? undefined : settings.log)]),
    ...(yield* webhooks(settings)),
    ...(yield* command(settings))
  ])
})
