import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { existsSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { StoreLayers } from "../../../services/Queue/index.ts"
import { confirm } from "../../Confirm.ts"
import { fail } from "../../Failure.ts"
import { Invocation } from "../../Invocation.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { storeFile } from "../../StoreFile.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"

/** A file that was written. */
export const BackupShape = Schema.Struct({ path: Schema.String, bytes: Schema.Finite, jobs: Schema.Finite })

const say = (done: string, result: typeof BackupShape.Type, json: boolean) =>
  Effect.gen(function* () {
    const out = yield* output
    if (json) return yield* out.json(BackupShape, result)
    yield* out.line(
      out.quiet
        ? Sanitize.line(result.path)
        : `${done} ${Sanitize.line(result.path)}: ${HumanNumber.count(result.jobs)} jobs, ${HumanNumber.bytes(result.bytes)}, verified`
    )
  })

const targetFile = (text: string) => Effect.map(Invocation, ({ cwd }) => path.resolve(cwd, text))

export const backup = Command.make(
  "backup",
  {
    json: JobFlags.json,
    yes: JobFlags.yes,
    target: Argument.String("file").pipe(Argument.withDescription("where the copy goes"))
  },
  Effect.fnUntraced(function* ({ json, target: text, yes }) {
    const { file, place } = yield* storeFile({ mayBeMissing: false })
    const target = yield* targetFile(text)
    if (StoreLayers.SqliteMaintenance.isSameFile(target, file))
      return yield* fail("usage", "the copy would replace the store itself; name another file")
    if (existsSync(target)) yield* confirm(`replace ${Sanitize.line(target)}`, yes)
    yield* say("backed up to", yield* StoreLayers.SqliteMaintenance.backup(file, target, place), json)
  })
).pipe(
  Command.withDescription("Copies the store while it works; the copy is verified and appears whole or not at all."),
  Command.withExamples([{ command: "sluice db backup before-upgrade.db" }])
)

export const copy = Command.make(
  "copy",
  { json: JobFlags.json, target: Argument.String("store").pipe(Argument.withDescription("a new store")) },
  Effect.fnUntraced(function* ({ json, target: text }) {
    const { file, place } = yield* storeFile({ mayBeMissing: false })
    const target = yield* targetFile(text.startsWith("file:") ? fileURLToPath(text) : text)
    if (existsSync(target)) return yield* fail("conflict", `${target} is there already; copy to a new file`)
    yield* say("copied to", yield* StoreLayers.SqliteMaintenance.backup(file, target, place), json)
  })
).pipe(
  Command.withDescription("Copies all jobs into a new store."),
  Command.withExamples([{ command: "sluice db copy queue-copy.db" }])
)

export const restore = Command.make(
  "restore",
  {
    json: JobFlags.json,
    yes: JobFlags.yes,
    dryRun: JobFlags.dryRun,
    source: Argument.String("file").pipe(Argument.withDescription("a backup"))
  },
  Effect.fnUntraced(function* ({ dryRun, json, source: text, yes }) {
    const out = yield* output
    const { file, place } = yield* storeFile({ mayBeMissing: true })
    const source = yield* targetFile(text)
    if (!existsSync(source)) return yield* fail("notFound", `no backup at ${source}`)
    if (StoreLayers.SqliteMaintenance.isSameFile(source, file))
      return yield* fail("usage", "the backup is the store itself; name another file")
    if (dryRun) {
      const jobs = yield* StoreLayers.SqliteMaintenance.verify(source, place)
      return yield* out.line(
        `would put ${Sanitize.line(source)} in the place of ${Sanitize.line(file)}: ${HumanNumber.count(jobs)} jobs, verified`
      )
    }
    if (existsSync(file))
      yield* confirm(`replace ${Sanitize.line(file)}; what is there stays beside it as .before-restore`, yes)
    yield* say("restored", yield* StoreLayers.SqliteMaintenance.restore(source, file, place), json)
  })
).pipe(
  Command.withDescription("Puts a backup in the place of the store. Nothing else may have the store open."),
  Command.withExamples([
    { command: "sluice db restore before-upgrade.db --dry-run", description: "is it whole?" },
    { command: "sluice db restore before-upgrade.db --yes" }
  ])
)
