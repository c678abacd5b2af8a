/**
 * The load test: the whole benchmark of `sluice bench`, its result kept as JSON in `results/` beside this file.
 *
 *   node test/performance/LoadTest.ts [--quick] [--only=FAMILY,…] [--rounds=N] [--json]     (npm run test:load)
 *
 * Closed loops (throughput) and open loops (waits at a steady rate), every measurement in a fresh process, results
 * verified before a figure counts, raw limits of the same disk in the same round. Exit code 1 when a result was wrong
 * or a target was missed. The scenarios are in `src/bench`, where `npm run bench` finds them too; docs/performance.md
 * explains them.
 */
import { spawnSync } from "node:child_process"
import path from "node:path"

const here = import.meta.dirname
const { status } = spawnSync(
  process.execPath,
  [path.join(here, "../../bin/sluice.mjs"), "bench", `--keep=${path.join(here, "results")}`, ...process.argv.slice(2)],
  { stdio: "inherit" }
)
process.exitCode = status ?? 1
