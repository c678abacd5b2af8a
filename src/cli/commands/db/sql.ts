import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { StoreLayers } from "../../../services/Queue/index.ts"
import { confirm } from "../../Confirm.ts"
import { fail } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { endBySignal } from "../../Signals.ts"
import { storeFile } from "../../StoreFile.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"

type Cell = StoreLayers.SqliteMaintenance.Cell
type Row = ReadonlyArray<Cell>

/** Rows written at once as JSON. */
const pageSize = 100

const text = (value: Cell): string =>
  value === null ? "" : value instanceof Uint8Array ? `0x${Buffer.from(value).toString("hex")}` : String(value)

/** Integers that a JSON number cannot carry exactly are strings, as are bytes. */
const jsonValue = (value: Cell): string | number | null =>
  typeof value === "bigint"
    ? Number.isSafeInteger(Number(value))
      ? Number(value)
      : String(value)
    : value instanceof Uint8Array
      ? text(value)
      : value

export const sql = Command.make(
  "sql",
  {
    write: Flag.Boolean("write").pipe(
      Flag.withoutNegation,
      Flag.withDescription("let it change the store: no promise holds after that"),
      Flag.withDefault(false)
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isGreaterThan(0))),
      Flag.withDescription("rows shown at most"),
      Flag.withDefault(1000)
    ),
    yes: JobFlags.yes,
    json: JobFlags.json,
    wide: JobFlags.wide,
    statement: Argument.String("statement").pipe(Argument.withDescription("one statement, in quotes"))
  },
  Effect.fnUntraced(
    function* ({ json, limit, statement, wide, write, yes }) {
      const out = yield* output
      const { file, place } = yield* storeFile({ mayBeMissing: false })
      if (write) yield* confirm(`change ${Sanitize.line(file)} behind the queue's back`, yes)
      // SQLite answers to no one while it looks for a row.
      yield* endBySignal
      const { columns, next } = yield* StoreLayers.SqliteMaintenance.query(file, statement, { ...place, write })
      if (json) {
        for (let left = limit; left > 0; left -= pageSize) {
          const rows = yield* next(Math.min(left, pageSize))
          const line = (row: Row) =>
            Sanitize.json(JSON.stringify(Object.fromEntries(columns.map((name, i) => [name, jsonValue(row[i]!)]))))
          if (rows.length > 0) yield* out.lines(rows.map(line))
        }
      } else {
        yield* out.table(
          columns.map((header, i) => ({ header, value: (row: Row) => text(row[i]!) })),
          yield* next(limit),
          { wide }
        )
      }
      if ((yield* next(1)).length > 0) {
        yield* out.note(`sluice: the first ${HumanNumber.count(limit)} rows; more with --limit`)
      }
    },
    Effect.scoped,
    Effect.catchTag("StatementRefused", ({ message, why }) =>
      Effect.fail(fail(why === "writes" ? "notAllowed" : "usage", message))
    )
  )
).pipe(
  Command.withDescription("Runs one SQL statement on the store, reading only unless --write."),
  Command.withExamples([{ command: 'sluice db sql "SELECT task, pending, running FROM lane"' }])
)
