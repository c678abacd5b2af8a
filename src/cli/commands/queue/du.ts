import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { Outputs, TaskQueue } from "../../../services/Queue/index.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { DiskUsageShape } from "../../shapes/QueueShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Table from "../../terminal/Table.ts"

export const du = Command.make(
  "du",
  { json: JobFlags.json },
  Effect.fnUntraced(function* ({ json }) {
    const out = yield* output
    const { bytes, finished, freeBytes, live, location, schemaVersion, walBytes } = yield* TaskQueue.use(
      (queue) => queue.status
    )
    const stored = yield* Outputs.use((outputs) => outputs.stored)
    const outputBytes = stored.reduce((sum, each) => sum + each.bytes, 0)
    if (json)
      return yield* out.json(DiskUsageShape, {
        store: location,
        schemaVersion,
        bytes,
        walBytes,
        outputBytes,
        freeBytes: freeBytes ?? null,
        live,
        finished
      })
    if (out.quiet) return yield* out.line(String(bytes))
    yield* out.lines(
      Table.fields(
        [
          ["store", location],
          ["size", HumanNumber.bytes(bytes)],
          ["of it log", HumanNumber.bytes(walBytes)],
          ["outputs of commands", HumanNumber.bytes(outputBytes)],
          ["free on disk", freeBytes === undefined ? HumanNumber.unknown : HumanNumber.bytes(freeBytes)],
          ["live jobs", HumanNumber.count(live)],
          ["finished jobs", HumanNumber.count(finished)],
          ["schema", String(schemaVersion)]
        ],
        out.style
      )
    )
  }, looking)
).pipe(Command.withDescription("What the store takes on disk."), Command.withExamples([{ command: "sluice queue du" }]))
