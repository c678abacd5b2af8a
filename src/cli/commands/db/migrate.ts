import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { StoreLayers } from "../../../services/Queue/index.ts"
import { confirm } from "../../Confirm.ts"
import { fail } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { storeFile } from "../../StoreFile.ts"
import * as Table from "../../terminal/Table.ts"

const showSql = Flag.Boolean("show-sql").pipe(
  Flag.withoutNegation,
  Flag.withDescription("print the statements"),
  Flag.withDefault(false)
)

/** The schema of the store's file. */
export const SchemaStatusShape = Schema.Struct({
  store: Schema.String,
  /** Version of the file, and the newest this Sluice knows. */
  found: Schema.Int,
  known: Schema.Int,
  /** Steps not yet taken. */
  pending: Schema.Array(Schema.String)
})

export const status = Command.make(
  "status",
  { json: JobFlags.json },
  Effect.fnUntraced(function* ({ json }) {
    const out = yield* output
    const { file, place } = yield* storeFile({ mayBeMissing: false })
    const { found, known, pending } = yield* StoreLayers.SqliteMaintenance.migrationStatus(file, place)
    const names = pending.map(({ name }) => name)
    if (json) return yield* out.json(SchemaStatusShape, { store: file, found, known, pending: names })
    yield* out.lines(
      Table.fields(
        [
          ["store", file],
          ["schema", `${found} of ${known}`],
          ["to do", names.length === 0 ? "nothing" : names.join(", ")]
        ],
        out.style
      )
    )
  })
).pipe(
  Command.withDescription("The schema of the file and the steps not yet taken."),
  Command.withExamples([{ command: "sluice db status" }])
)

export const migrate = Command.make(
  "migrate",
  { dryRun: JobFlags.dryRun, showSql },
  Effect.fnUntraced(function* ({ dryRun, showSql }) {
    const out = yield* output
    const { file, place } = yield* storeFile({ mayBeMissing: false })
    const { known, pending } = yield* StoreLayers.SqliteMaintenance.migrationStatus(file, place)
    if (showSql) yield* out.lines(pending.flatMap(({ name, up }) => [`-- ${name}`, up.trim()]))
    if (pending.length === 0) return yield* out.note(`nothing to do: the schema is ${known}, the newest`)
    if (dryRun) return yield* out.lines(pending.map(({ name }) => `would take step ${name}`))
    for (const name of yield* StoreLayers.SqliteMaintenance.migrate(file, place)) yield* out.line(`took step ${name}`)
  })
).pipe(
  Command.withDescription("Brings the schema to the newest. Opening a store does the same."),
  Command.withExamples([
    { command: "sluice db migrate --dry-run --show-sql", description: "what it would do" },
    { command: "sluice db migrate" }
  ])
)

export const rollback = Command.make(
  "rollback",
  { dryRun: JobFlags.dryRun, yes: JobFlags.yes },
  Effect.fnUntraced(function* ({ dryRun, yes }) {
    const out = yield* output
    const { file, place } = yield* storeFile({ mayBeMissing: false })
    const { found } = yield* StoreLayers.SqliteMaintenance.migrationStatus(file, place)
    if (dryRun) return yield* out.line(`would take the last step of schema ${found} back, if it has a way back`)
    yield* confirm(`take the last schema step of ${file} back, for an older Sluice`, yes)
    const name = yield* StoreLayers.SqliteMaintenance.rollback(file, place)
    if (name === undefined) return yield* fail("conflict", `schema ${found} has no way back; nothing was changed`)
    yield* out.line(`took step ${name} back`)
  })
).pipe(
  Command.withDescription("Takes the last schema step back, for going back to an older Sluice."),
  Command.withExamples([{ command: "sluice db rollback --dry-run", description: "what it would do" }])
)
