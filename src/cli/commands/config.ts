/** `sluice config`: the settings in force. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as JobFlags from "../JobFlags.ts"
import { output } from "../Output.ts"
import * as Settings from "../Settings.ts"
import { shown as shownSetting } from "../ShownSetting.ts"
import * as Sanitize from "../terminal/Sanitize.ts"

/** Each setting by its name. */
export const SettingsShape = Schema.Record(
  Schema.String,
  Schema.Struct({
    value: Schema.String,
    /** `default`, a flag, a variable of the environment, or the path of a file. */
    source: Schema.String
  })
)

interface Row {
  readonly name: Settings.SettingName
  readonly value: string
  readonly source: string
}

const print = Command.make(
  "print",
  {
    sources: Flag.Boolean("sources").pipe(
      Flag.withoutNegation,
      Flag.withDescription("where each comes from"),
      Flag.withDefault(false)
    ),
    reveal: Flag.Boolean("reveal").pipe(
      Flag.withoutNegation,
      Flag.withDescription("with what may be secret: arguments of commands, webhooks, credentials in addresses"),
      Flag.withDefault(false)
    ),
    json: JobFlags.json
  },
  Effect.fnUntraced(function* ({ json, reveal, sources }) {
    const out = yield* output
    const { settings, unread } = yield* Settings.printable
    if (unread !== undefined) {
      yield* out.note(
        `sluice: ${Sanitize.line(unread)} is code and was not run; worker, enqueue, profile run and alert test do. To see what it sets: --config ${Sanitize.line(unread)}`
      )
    }
    const shown = (name: Settings.SettingName) => (reveal ? settings[name] : shownSetting(name, settings[name]))
    // What cannot work together is worth knowing here too.
    yield* Settings.toQueueSettings(settings)
    if (json)
      return yield* out.json(
        SettingsShape,
        Object.fromEntries(Settings.settingNames.map((name) => [name, shown(name)]))
      )
    const rows = Settings.settingNames.map((name): Row => ({ name, ...shown(name) }))
    yield* out.table(
      [
        { header: "setting", value: ({ name }) => name, minimum: 14 },
        { header: "value", value: ({ value }) => (value === "" ? "–" : value) },
        ...(sources ? [{ header: "from", value: ({ source }: Row) => source }] : []),
        { header: "what it is", value: ({ name }) => Settings.summaryOf(name) }
      ],
      rows
    )
  })
).pipe(
  Command.withDescription("Prints the settings in force; --sources says where each comes from."),
  Command.withExamples([{ command: "sluice config print --sources" }])
)

export const command = Command.make("config").pipe(
  Command.withDescription(
    "Settings: flag, then SLUICE_*, then sluice.config.json and .ts of the project or the file of --config, then the user's config, then the default. Code is run only by commands that run jobs; docs/guides/deployment.md says more."
  ),
  Command.withSubcommands([print])
)
