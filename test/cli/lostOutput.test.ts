/**
 * What a command does when nobody can take what it says: on a device that is always full, and on a terminal that is
 * gone.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import path from "node:path"
import { temporaryFolder } from "./CommandLine.ts"
import { cacheHome, launcher } from "../support/cli/Launcher.ts"

/** Runs `sluice`, its arguments as the shell reads them, with these redirections. */
const sluice = (folder: string, args: string, redirections: string) =>
  spawnSync("sh", ["-c", `exec "$0" "$1" ${args} ${redirections}`, process.execPath, launcher], {
    encoding: "utf8",
    env: {
      ...process.env,
      HOME: folder,
      XDG_CACHE_HOME: cacheHome,
      XDG_STATE_HOME: folder,
      SLUICE_STORE: path.join(folder, "jobs.db")
    },
    timeout: 60_000
  })

const full = "sluice: stdout could not be written: no space left on device\n"

describe.skipIf(process.platform !== "linux")("output that cannot be written", () => {
  it.live(
    "ends any command with one line and exit code 9, its running jobs handed back",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const states = () =>
          sluice(folder, "job ls --json", "")
            .stdout.split("\n")
            .filter((line) => line !== "")
            .map((line) => (JSON.parse(line) as { readonly state: string }).state)
        const mapped = sluice(folder, "map --shell 'echo {}; sleep 1' ::: 1 2 3 4 5 6", "> /dev/full")
        assert.strictEqual(mapped.status, 9)
        assert.include(mapped.stderr, full)
        assert.notMatch(mapped.stderr, /\n\s+at /)
        assert.notInclude(states(), "running")
        assert.include(states(), "pending")
        for (const args of ["run -- echo hello", "job ls", "--version"]) {
          const ended = sluice(folder, args, "> /dev/full")
          assert.strictEqual(ended.status, 9, args)
          assert.match(ended.stderr, /^sluice: stdout could not be written: .*no space left on device/m, args)
          assert.notMatch(ended.stderr, /\n\s+at /, args)
        }
        assert.strictEqual(sluice(folder, "run -- sh -c 'echo oops >&2'", "2> /dev/full").status, 9)
      }).pipe(Effect.scoped),
    120_000
  )
})
