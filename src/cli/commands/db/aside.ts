import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { StoreLayers } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { storeFile } from "../../StoreFile.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import type * as Table from "../../terminal/Table.ts"

const ValueShape = Schema.Union([
  Schema.String,
  Schema.Number,
  Schema.Null,
  Schema.Struct({ hex: Schema.String }),
  Schema.Struct({ integer: Schema.String })
])

/** A row that was set aside, whole. */
export const AsideShape = Schema.Struct({
  /** Its table and key. */
  name: Schema.String,
  at: Schema.DateFromString,
  table: Schema.String,
  why: Schema.String,
  columns: Schema.Record(Schema.String, ValueShape)
})

const columns: ReadonlyArray<Table.Column<StoreLayers.SqliteMaintenance.NamedRow>> = [
  { header: "row", value: ({ name }) => name },
  { header: "set aside", value: ({ at }) => new Date(at).toISOString() },
  { header: "what is wrong", value: ({ why }) => why }
]

export const aside = Command.make(
  "aside",
  {
    now: Flag.Boolean("now").pipe(
      Flag.withoutNegation,
      Flag.withDescription("look for such rows and set them aside, before anybody meets them"),
      Flag.withDefault(false)
    ),
    remove: Flag.Boolean("rm").pipe(
      Flag.withoutNegation,
      Flag.withDescription("remove the named ones for good"),
      Flag.withDefault(false)
    ),
    json: JobFlags.json,
    names: Argument.String("row").pipe(
      Argument.withDescription("its name, in quotes; default all"),
      Argument.variadic()
    )
  },
  Effect.fnUntraced(function* ({ json, names, now, remove }) {
    const out = yield* output
    const { file, place } = yield* storeFile({ mayBeMissing: false })
    if (remove && names.length === 0)
      return yield* fail("usage", "name the rows to remove, as sluice db aside tells them")
    if (now) {
      const moved = yield* StoreLayers.SqliteMaintenance.setAside(file, yield* Clock.currentTimeMillis, place)
      yield* out.note(moved === 0 ? "every row can be read" : `set ${HumanNumber.count(moved)} aside`)
    }
    const rows = yield* StoreLayers.SqliteMaintenance.rowsSetAside(file, place)
    const missing = names.find((name) => !rows.some((row) => row.name === name))
    if (missing !== undefined) return yield* fail("notFound", `no row ${JSON.stringify(missing)} was set aside`)
    if (remove) {
      for (const name of names) {
        yield* StoreLayers.SqliteMaintenance.forgetRow(file, name, place)
        yield* out.line(name)
      }
      return
    }
    const shown = names.length === 0 ? rows : rows.filter(({ name }) => names.includes(name))
    if (json) for (const row of shown) yield* out.json(AsideShape, { ...row, at: new Date(row.at) })
    else if (shown.length > 0) yield* out.table(columns, shown)
    else yield* out.note("nothing was set aside")
  })
).pipe(
  Command.withDescription(
    "Rows of the store that nothing could read and that were set aside, so that they stop nobody: what is wrong with each, whole with --json."
  ),
  Command.withExamples([
    { command: "sluice db aside --json > aside.ndjson", description: "keep them elsewhere" },
    { command: 'sluice db aside --rm "job 1m8n3110z00"', description: "and remove one" }
  ])
)
