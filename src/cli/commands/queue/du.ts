import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { Outputs, StoreLayers, TaskQueue } from "../../../services/Queue/index.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { DiskUsageShape } from "../../../api/QueueShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Table from "../../terminal/Table.ts"

export const du = Command.make(
  "du",
  { json: JobFlags.json },
  Effect.fnUntraced(function* ({ json }) {
    const out = yield* output
    const queue = yield* TaskQueue
    const { file, label } = queue.store
    const { bytes, finished, freeBytes, live } = yield* queue.status
    const ofFile =
      file === undefined ? undefined : yield* StoreLayers.SqliteMaintenance.fileStatus(file, { shared: true })
    const stored = yield* Outputs.use((outputs) => outputs.stored)
    const outputBytes = stored.reduce((sum, each) => sum + each.bytes, 0)
    if (json)
      return yield* out.json(DiskUsageShape, {
        store: label,
        schemaVersion: ofFile?.schemaVersion ?? null,
        bytes,
        walBytes: ofFile?.walBytes ?? null,
        outputBytes,
        freeBytes: freeBytes ?? null,
        live,
        finished
      })
    if (out.quiet) return yield* out.line(String(bytes))
    yield* out.lines(
      Table.fields(
        [
          ["store", label],
          ["size", HumanNumber.bytes(bytes)],
          ["of it log", ofFile === undefined ? "" : HumanNumber.bytes(ofFile.walBytes)],
          ["outputs of commands", HumanNumber.bytes(outputBytes)],
          ["free on disk", freeBytes === undefined ? HumanNumber.unknown : HumanNumber.bytes(freeBytes)],
          ["live jobs", HumanNumber.count(live)],
          ["finished jobs", HumanNumber.count(finished)],
          ["schema", ofFile === undefined ? "" : String(ofFile.schemaVersion)]
        ],
        out.style
      )
    )
  }, looking)
).pipe(Command.withDescription("What the store takes on disk."), Command.withExamples([{ command: "sluice queue du" }]))
