/**
 * The performance tiers: 500, 1,000 and 2,000 jobs a second on the SQLite store, their waits, memory and CPU, kept as
 * JSON in `results/`.
 *
 *   node test/performance/Tiers.ts [--quick] [--rounds=N] [--json|--markdown] [--all]     (npm run test:tiers)
 *
 * The scenarios are `sqlite/tiers` of `sluice bench` (`src/bench/TierBench.ts`); exit code 1 when a result was wrong or
 * a target was missed. About two and a half minutes a round.
 */
import { spawnSync } from "node:child_process"
import path from "node:path"

const here = import.meta.dirname
const { status } = spawnSync(
  process.execPath,
  [
    path.join(here, "../../bin/sluice.mjs"),
    "bench",
    "--only=sqlite/tiers",
    "--strict",
    `--keep=${path.join(here, "results")}`,
    ...process.argv.slice(2)
  ],
  { stdio: "inherit" }
)
process.exitCode = status ?? 1
