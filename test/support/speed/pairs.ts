/**
 * The speed check on itself: pairs of equal trees, which must pass, and 5 % planted in each stage, which must
 * fail. For a quiet machine, four minutes a line:
 *
 *   node test/support/speed/pairs.ts [PAIRS] [STAGE…]        (default 20, and every stage)
 *
 * A line for each, as it comes, with what the check said of the figures it is about; exit code 1 when one was not as it
 * must be.
 */
import { spawnSync } from "node:child_process"
import { loadavg } from "node:os"
import { fileURLToPath } from "node:url"
import { checkPlanted, stages } from "./planted.ts"

const [count = "20", ...asked] = process.argv.slice(2)
const pairs = Number(count)
const planted = asked.length === 0 ? stages : asked
if (!(Number.isInteger(pairs) && pairs >= 0) || !planted.every((stage) => stages.includes(stage))) {
  console.error(`expected a number of pairs, then stages of ${stages.join(", ")}`)
  process.exit(2)
}

const root = fileURLToPath(new URL("../../..", import.meta.url))

const tell = (name: string, isRight: boolean, begun: number, lines: ReadonlyArray<string>) => {
  if (!isRight) process.exitCode = 1
  const seconds = ((performance.now() - begun) / 1000).toFixed(0)
  console.log(
    [isRight ? "pass" : "FAIL", name, `${seconds} s`, `load ${loadavg()[0]!.toFixed(1)}`, ...lines].join("  ")
  )
}

const figures = (lines: ReadonlyArray<string>) => lines.filter((line) => /^(ok|failed|skipped)/.test(line))

for (let pair = 1; pair <= pairs; pair++) {
  const begun = performance.now()
  const script = fileURLToPath(new URL("../../../scripts/check-speed.ts", import.meta.url))
  const { status, stdout } = spawnSync(process.execPath, [script, "--always", "--base", "HEAD"], {
    cwd: root,
    encoding: "utf8"
  })
  const lines = figures(stdout.split("\n"))
  tell(`equal ${pair}`, status === 0 && lines.every((line) => !line.startsWith("skipped")), begun, lines)
}
for (const stage of planted) {
  const begun = performance.now()
  const { code, lines } = checkPlanted(stage)
  const isFound = lines.some((line) => line.startsWith(`failed   ${stage}: +`))
  tell(`planted ${stage}`, code === 1 && isFound, begun, figures(lines))
}
