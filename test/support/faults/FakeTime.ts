/**
 * The clock of processes as libfaketime shows it: set while they run. Their monotonic clock goes on undisturbed, as on
 * a real host.
 */
import { Effect } from "effect"
import { globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"

/** Undefined where the library is not installed. */
export const faketime = Effect.gen(function* () {
  const [library] = globSync("/usr/{lib,lib64,local/lib}/{*/,}faketime/libfaketimeMT.so.1")
  if (library === undefined) return undefined
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(path.join(tmpdir(), "sluice-clock-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const file = path.join(folder, "offset")
  const setByHours = (hours: number) =>
    Effect.sync(() => {
      writeFileSync(`${file}.new`, `${hours < 0 ? "-" : "+"}${Math.abs(hours) * 3600}\n`)
      renameSync(`${file}.new`, file)
    })
  yield* setByHours(0)
  return {
    setByHours,
    /** To start a program with. */
    under: [
      "env",
      `LD_PRELOAD=${library}`,
      `FAKETIME_TIMESTAMP_FILE=${file}`,
      "FAKETIME_DONT_FAKE_MONOTONIC=1",
      "FAKETIME_NO_CACHE=1",
      "FAKETIME_DONT_RESET=1"
    ]
  }
})
