// A day of load on a fleet of worker processes, scaled, scaled without a forecast, and with fixed slots: the live test at full length.
//
//   node scripts/evaluate/scaling.ts [folder] [seconds of the day]        (default scaling-figures 1200)
//
// Writes scaling.json (waits, slot-seconds, decisions) and scaling.html (slots, running and waiting jobs over the day) to the folder. Three days one after
// the other, and a fourth whose leader is killed. With less than some 700 s no forecast is warm: it takes 60 steps of 10 s.

import { spawnSync } from "node:child_process"
import path from "node:path"

const [folder = "scaling-figures", seconds = "1200"] = process.argv.slice(2)
const root = path.join(import.meta.dirname, "../..")
const { status } = spawnSync(
  process.execPath,
  [
    path.join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    "--config",
    "vitest.long.config.ts",
    "--testTimeout",
    String((Number(seconds) + 600) * 1000),
    "test/faults/scaling.long.test.ts"
  ],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, SLUICE_SCALING_OUT: path.resolve(folder), SLUICE_SCALING_DAY_S: seconds }
  }
)
process.exitCode = status ?? 1
