import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { StoreLayers } from "../../../services/Queue/index.ts"
import { ok, problem, tell, warning } from "../../Checks.ts"
import * as JobFlags from "../../JobFlags.ts"
import { storeFile } from "../../StoreFile.ts"
import * as StoreSpace from "../../StoreSpace.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"

/** Newest jobs of each table whose payloads are compared without `--full`. */
const sample = 10_000

const advice = {
  structure: "restore a backup: sluice db restore FILE",
  row: "it is set aside when somebody meets it, or now: sluice db aside --now",
  counters: "restore a backup: sluice db restore FILE",
  checksum: "remove the job, or restore a backup"
} as const

export const doctor = Command.make(
  "doctor",
  {
    json: JobFlags.json,
    full: Flag.Boolean("full").pipe(
      Flag.withoutNegation,
      Flag.withDescription("compare every payload with its checksum, and every index with its table"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ full, json }) {
    const { file, place } = yield* storeFile({ mayBeMissing: false })
    const { found, known } = yield* StoreLayers.SqliteMaintenance.migrationStatus(file, place)
    const { checked, findings, foreign } = yield* StoreLayers.SqliteMaintenance.check(file, {
      ...place,
      ...(full ? { indexes: true } : { sample })
    })
    const of = (what: keyof typeof advice) => findings.filter((finding) => finding.what === what)
    const told = (what: keyof typeof advice, whenWell: string) =>
      of(what).length === 0 ? [ok(what, whenWell)] : of(what).map(({ detail }) => problem(what, detail, advice[what]))
    yield* tell(
      [
        found === known
          ? ok("schema", String(found))
          : problem("schema", `${found}, this Sluice knows ${known}`, "sluice db migrate"),
        foreign.acting.length > 0
          ? problem(
              "additions",
              `what others made acts on the jobs: ${foreign.acting.join(", ")}`,
              'drop it: sluice db sql --write "DROP TRIGGER NAME", DROP INDEX likewise'
            )
          : foreign.besides.length > 0
            ? warning(
                "additions",
                `what others made lies there and is left alone: ${foreign.besides.join(", ")}`,
                "drop it, or move it into a file of its own"
              )
            : ok("additions", "nothing but Sluice's own tables"),
        ...told("structure", "every page is where it belongs"),
        ...told("row", "every row can be read"),
        ...told("counters", "they match the jobs"),
        ...told(
          "checksum",
          `${HumanNumber.count(checked)} payloads match theirs${full ? "" : " (the newest; all: --full)"}`
        ),
        StoreSpace.checkWal(file),
        StoreSpace.checkDisk(file)
      ],
      json
    )
  })
).pipe(
  Command.withDescription(
    "Looks for damage: structure, counters, checksums of the newest payloads, or of all; and for what others added to the file. Reads only."
  ),
  Command.withExamples([
    { command: "sluice db doctor" },
    { command: "sluice db doctor --full", description: "every page and every row" }
  ])
)
