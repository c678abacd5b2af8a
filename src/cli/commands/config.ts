/** `sluice config`: the settings in force. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as JobFlags from "../JobFlags.ts"
import { output } from "../Output.ts"
import * as Settings from "../Settings.ts"

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
    json: JobFlags.json
  },
  Effect.fnUntraced(function* ({ json, sources }) {
    const out = yield* output
    const settings = yield* Settings.resolve
    // What cannot work together is worth knowing here too.
    yield* Settings.toQueueSettings(settings)
    if (json)
      return yield* out.json(
        SettingsShape,
        Object.fromEntries(Settings.settingNames.map((name) => [name, Settings.shown(name, settings[name])]))
      )
    const rows = Settings.settingNames.map((name): Row => ({ name, ...Settings.shown(name, settings[name]) }))
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
).pipe(Command.withDescription("Prints the settings in force; --sources says where each comes from."))

export const command = Command.make("config").pipe(
  Command.withDescription(
    "Settings: flag, then SLUICE_*, then sluice.config.ts or .json of the project, then the user's config, then the default."
  ),
  Command.withSubcommands([print])
)
