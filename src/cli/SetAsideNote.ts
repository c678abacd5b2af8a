/** A list lacks the rows that nothing could read: whoever reads it is told. */
import * as Effect from "effect/Effect"
import { Documents, setAsideKind, setAsideRow } from "../services/Queue/index.ts"
import { hint } from "./Hint.ts"
import { output } from "./Output.ts"
import * as HumanNumber from "./terminal/HumanNumber.ts"

/** One line on stderr, with `--json` too; none with `--quiet`, and none when all rows of the table could be read. */
export const noteSetAside = (table: string) =>
  Effect.gen(function* () {
    const { note } = yield* output
    const documents = yield* Documents.use((documents) => documents.all(setAsideKind))
    const count = documents.filter((document) => setAsideRow(document)?.table === table).length
    if (count === 0) return
    const said =
      count === 1
        ? `a row of ${table} could not be read and was`
        : `${HumanNumber.count(count)} rows of ${table} could not be read and were`
    yield* note(
      `sluice: ${said} set aside; ${yield* hint("sluice db aside")} shows what is wrong, sluice doctor what to do`
    )
  })
