/** A folder of a test's own, with the places of its store and ledger; removed with the scope. */
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"

export interface FaultFolder {
  readonly path: string
  readonly store: string
  readonly ledger: string
}

export const faultFolder = Effect.acquireRelease(
  Effect.sync((): FaultFolder => {
    const folder = mkdtempSync(path.join(tmpdir(), "sluice-faults-"))
    return { path: folder, store: path.join(folder, "queue.db"), ledger: path.join(folder, "ledger") }
  }),
  ({ path: folder }) =>
    Effect.sync(() => {
      if (process.env.SLUICE_KEEP === undefined) rmSync(folder, { recursive: true, force: true })
    })
)
