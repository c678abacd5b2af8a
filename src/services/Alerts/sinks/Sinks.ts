/** The sinks that the settings ask for. */
import { Clock, Effect } from "effect"
import { type AlertSettings, Settings, SettingsUnusable } from "../AlertSettings.ts"
import type { Sink } from "../Sink.ts"
import { commandSink } from "./CommandSink.ts"
import { logSink } from "./LogSink.ts"
import { isStrongSecret } from "./Signature.ts"
import { webhookSink } from "./WebhookSink.ts"
import { readTarget } from "./WebhookTarget.ts"

const webhooks = (settings: AlertSettings, clock: Clock.Clock): ReadonlyArray<Sink> | string => {
  if (settings.webhooks.length === 0) return []
  const secret = settings.webhookSecret
  if (secret === undefined)
    return "webhooks are signed and there is no secret; set SLUICE_ALERT_WEBHOOK_SECRET or SLUICE_ALERT_WEBHOOK_SECRET_FILE"
  if (!isStrongSecret(secret)) return "the webhooks' secret is short; expected at least 24 bytes"
  const sinks: Array<Sink> = []
  for (const { url } of settings.webhooks) {
    const target = readTarget(url, { hosts: settings.webhookHosts, allowLoopback: settings.allowLoopback })
    if (typeof target === "string") return target
    sinks.push(webhookSink(target, secret, settings, clock))
  }
  return sinks
}

/** Two of one host are told apart by their number: the rest of a URL may be secret. */
const numbered = (sinks: ReadonlyArray<Sink>): ReadonlyArray<Sink> =>
  sinks.map((sink, i) => {
    const before = sinks.slice(0, i).filter(({ name }) => name === sink.name).length
    return before === 0 ? sink : { ...sink, name: `${sink.name} (${before + 1})` }
  })

export const makeSinks: Effect.Effect<ReadonlyArray<Sink>, SettingsUnusable> = Effect.gen(function* () {
  const settings = yield* Settings
  const clock = yield* Clock.Clock
  const posts = webhooks(settings, clock)
  if (typeof posts === "string") return yield* new SettingsUnusable({ message: posts })
  const [program, ...args] = settings.command ?? []
  return numbered([
    ...(settings.log === false ? [] : [logSink(settings.log === true ? undefined : settings.log)]),
    ...posts,
    ...(program === undefined ? [] : [commandSink([program, ...args], settings)])
  ])
})
