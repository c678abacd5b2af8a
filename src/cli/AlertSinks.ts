/** The alerts' settings as this invocation has them: what its flags, environment and files say. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import { AlertSettings } from "../services/Alerts/index.ts"
import { type CommandFailure, fail } from "./Failure.ts"
import * as CommandTemplate from "./input/CommandTemplate.ts"
import { Invocation } from "./Invocation.ts"
import * as Settings from "./Settings.ts"

const listed = (text: string): ReadonlyArray<string> => text.split(/[\s,]+/).filter((word) => word !== "")

/** The words of a command as a shell would split them; nothing in them is replaced. */
const wordsOf = (text: string, source: string): Effect.Effect<ReadonlyArray<string>, CommandFailure> => {
  const parsed = CommandTemplate.parse(text)
  if (Result.isFailure(parsed)) return Effect.fail(fail("usage", `alertCommand (${source}): ${parsed.failure.message}`))
  const template = parsed.success
  const words = template._tag === "Arguments" ? template.words : []
  // A template without a place for its input has one at its end.
  return Effect.succeed(
    words
      .map((word) => word.map((piece) => (typeof piece === "string" ? piece : piece.placeholder)).join(""))
      .filter((word, i) => !(i === words.length - 1 && word === "{}"))
  )
}

/** From the environment, or from a file named there. Never a flag: those are seen by everyone on the machine. */
const secretOf = (settings: Settings.Settings) =>
  Effect.gen(function* () {
    const { env } = yield* Invocation
    const { SLUICE_ALERT_WEBHOOK_SECRET: inEnvironment } = env
    if (inEnvironment !== undefined && inEnvironment !== "") return Redacted.make(inEnvironment)
    const { source, value: file } = settings.alertWebhookSecretFile
    if (file === "") return undefined
    return yield* Effect.try({
      try: () => Redacted.make(readFileSync(file, "utf8").trim()),
      catch: () => fail("usage", `alertWebhookSecretFile (${source}): ${file} cannot be read; check its path and mode`)
    })
  })

export const alertSettings = (log: AlertSettings.AlertSettings["log"]) =>
  Effect.gen(function* () {
    const settings = yield* Settings.resolve
    const { source, value } = settings.alertCommand
    return {
      ...AlertSettings.defaults,
      log,
      webhooks: listed(settings.alertWebhooks.value).map((url) => ({ url })),
      webhookHosts: listed(settings.alertWebhookHosts.value),
      webhookSecret: yield* secretOf(settings),
      command: value === "" ? undefined : yield* wordsOf(value, source),
      runbooks: settings.alertRunbooks.value,
      timeZone: settings.alertTimeZone.value
    }
  })
