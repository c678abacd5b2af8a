/** The alerts' settings as this invocation has them: what its flags, environment and files say. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { AlertSettings } from "../services/Alerts/index.ts"
import { commandWords } from "./input/CommandWords.ts"
import { Invocation } from "./Invocation.ts"
import * as SecretFile from "./SecretFile.ts"
import * as Settings from "./Settings.ts"

const listed = (text: string): ReadonlyArray<string> => text.split(/[\s,]+/).filter((word) => word !== "")

/** From the environment, or from a file named there. Never a flag: those are seen by everyone on the machine. */
const secretOf = (settings: Settings.Settings) =>
  Effect.gen(function* () {
    const { env } = yield* Invocation
    const { SLUICE_ALERT_WEBHOOK_SECRET: inEnvironment } = env
    if (inEnvironment !== undefined && inEnvironment !== "") return Redacted.make(inEnvironment)
    const { source, value: file } = settings.alertWebhookSecretFile
    if (file === "") return undefined
    return yield* SecretFile.read(file, `alertWebhookSecretFile (${source})`)
  })

export const alertSettings = (log: AlertSettings.AlertSettings["log"]) =>
  Effect.gen(function* () {
    const { settings } = yield* Settings.acting
    const { source, value } = settings.alertCommand
    return {
      ...AlertSettings.defaults,
      log,
      webhooks: listed(settings.alertWebhooks.value).map((url) => ({ url })),
      webhookHosts: listed(settings.alertWebhookHosts.value),
      webhookSecret: yield* secretOf(settings),
      command: value === "" ? undefined : yield* commandWords("alertCommand", source, value),
      runbooks: settings.alertRunbooks.value,
      timeZone: settings.alertTimeZone.value
    }
  })
