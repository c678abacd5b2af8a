/**
 * Whether forecasting pays: days of load on fleets of worker processes that take a minute to be ready, scaled by
 * forecast, by reaction, and of a fixed size, kept in a folder.
 *
 *   node test/performance/Fleets.ts FOLDER [--live] [--seeds=5] [--day=1200] [--courses=regular,rush,spike,flat]
 *   [--beside=1] (npm run test:fleets)
 *
 * On paper: the scaler's own decisions by a clock that costs nothing, some ten seconds for a day. With `--live`: real
 * processes on SQLite, the fleets of a day side by side, each on a store of its own; their jobs only wait. A day then
 * takes its length and three minutes; `--beside` days go on at once (20 processes each). What FOLDER holds already is
 * not done again: a run that was stopped goes on when it is called again.
 *
 * For each day `COURSE-SEED.json` and `.svg`; over all of them `summary.txt`.
 */
import { Effect, Schema } from "effect"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { loadavg } from "node:os"
import path from "node:path"
import { parseArgs } from "node:util"
import { machine } from "../../src/bench/Machine.ts"
import { pictureSvg } from "../../src/cli/plot/PictureSvg.ts"
import { type Course, courses } from "../support/scaling/CompressedDay.ts"
import { type Cell, live, onPaper, policies } from "../support/scaling/FleetComparison.ts"
import { CellFigures, figuresOf, pictureOf, table } from "../support/scaling/FleetFigures.ts"
import { lateAfterMs, pastDaysOf, startUpMs } from "../support/scaling/FleetComparison.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    live: { type: "boolean", default: false },
    seeds: { type: "string", default: "5" },
    day: { type: "string", default: "1200" },
    courses: { type: "string", default: courses.join(",") },
    beside: { type: "string", default: "1" }
  }
})
const [folder] = positionals
const asked = values.courses.split(",")
const [seeds, seconds, beside] = [values.seeds, values.day, values.beside].map(Number)
const isKnown = (name: string): name is Course => (courses as ReadonlyArray<string>).includes(name)
if (folder === undefined || !asked.every(isKnown) || !(seeds! >= 1 && seconds! >= 300 && beside! >= 1)) {
  console.error(
    `expected FOLDER, --seeds and --beside of 1 or more, --day of 300 s or more (a season needs some 30 steps of 10 s), --courses of ${courses.join(", ")}`
  )
  process.exit(2)
}
mkdirSync(folder, { recursive: true, mode: 0o700 })

const CellText = Schema.fromJsonString(CellFigures)
const fileOf = ({ course, seed }: Cell, kind: string) => path.join(folder, `${course}-${seed}.${kind}`)

/** A seed of each course before the next: what there is after some hours is of all of them. */
const cells = Array.from({ length: seeds! }, (_, i) => 11 + i).flatMap((seed) =>
  asked.map((course): Cell => ({ course: course as Course, seed, dayMs: seconds! * 1000 }))
)
const known = () =>
  cells
    .filter((cell) => existsSync(fileOf(cell, "json")))
    .map((cell) => Schema.decodeSync(CellText)(readFileSync(fileOf(cell, "json"), "utf8")))

const run = (cell: Cell) =>
  Effect.gen(function* () {
    const startedAt = new Date().toISOString()
    const [before] = loadavg()
    const days = values.live
      ? yield* Effect.all(
          policies.map((policy) => live(policy, cell)),
          { concurrency: "unbounded" }
        )
      : policies.map((policy) => onPaper(policy, cell))
    const [after] = loadavg()
    writeFileSync(fileOf(cell, "svg"), pictureSvg(pictureOf(cell, days), "light"))
    const figures: CellFigures = {
      ...cell,
      live: values.live,
      startUpMs,
      lateAfterMs,
      pastDays: pastDaysOf(cell.dayMs),
      machine: yield* machine(folder),
      startedAt,
      loadAverage: [before!, after!],
      fleets: days.map(figuresOf)
    }
    writeFileSync(fileOf(cell, "json"), `${Schema.encodeSync(CellText)(figures)}\n`)
    const lines = table(known())
    writeFileSync(path.join(folder, "summary.txt"), `${lines.join("\n")}\n`)
    console.log(
      `\n${cell.course} ${cell.seed}, load ${before!.toFixed(1)} to ${after!.toFixed(1)}\n${lines.join("\n")}`
    )
  })

const due = cells.filter((cell) => !existsSync(fileOf(cell, "json")))
await Effect.runPromise(Effect.forEach(due, run, { concurrency: beside!, discard: true }))
if (due.length === 0) console.log(table(known()).join("\n"))
