/**
 * What starting commands costs beside GNU parallel and xargs, those of them that are installed: `node bench/commands.ts
 * [--jobs=1000] [--texts=200] [--rounds=5] [--slots=2,8] [--resident=300] [--bin=bin/sluice.mjs] [--json]`.
 *
 * Give `--bin` of an installed package: a checkout runs its sources, and reads all of them at each start. All keep one
 * home, and each runs once before it counts, so that what it compiles or notes there is there, as for who uses it
 * daily.
 *
 * Lines of `true`, and `cat` of `--texts` files of 1 MB into a file, in turn within each round so that all meet the
 * same minutes; medians and their range, the CPU of each tool with its children, and ratios to parallel's median. Then,
 * in a process of its own with `--resident` MB in use, the delay of the event loop while commands are started, which
 * the library's process runner promises: its 99th percentile and its longest, in milliseconds. Every run is checked:
 * each line has to have run, each byte to have come.
 */
import { spawnSync } from "node:child_process"
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { Effect } from "effect"
import { ProcessRunner } from "../src/services/Queue/run/ProcessRunner.ts"
import * as ProcessRunnerLive from "../src/services/Queue/run/ProcessRunnerLive.ts"
import * as Umask from "../src/services/Queue/run/Umask.ts"

const option = (name: string, fallback: string) =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split("=")[1] ?? fallback

const jobs = Number(option("jobs", "1000"))
const rounds = Number(option("rounds", "5"))
const slots = option("slots", "2,8").split(",")
const residentMb = Number(option("resident", "300"))
const launcher = path.resolve(option("bin", path.join(import.meta.dirname, "../bin/sluice.mjs")))
const texts = Number(option("texts", "200"))
const textBytes = 1e6

interface Work {
  readonly name: string
  readonly command: ReadonlyArray<string>
  readonly count: number
  readonly input: string
  readonly outputBytes: number
}

const home = mkdtempSync(path.join(tmpdir(), "sluice-bench-"))
process.on("exit", () => rmSync(home, { recursive: true, force: true }))

const makeTexts = (): string => {
  const text = "The quick brown fox jumps over the lazy dog, and again.\n"
    .repeat(textBytes / 56 + 1)
    .slice(0, textBytes)
  return Array.from({ length: texts }, (_, i) => {
    const file = path.join(home, `text-${i}`)
    writeFileSync(file, text)
    return `${file}\n`
  }).join("")
}

const works: ReadonlyArray<Work> = [
  {
    name: "true",
    command: ["true"],
    count: jobs,
    input: Array.from({ length: jobs }, (_, i) => `${i}\n`).join(""),
    outputBytes: 0
  },
  { name: "cat", command: ["cat"], count: texts, input: makeTexts(), outputBytes: texts * textBytes }
].filter(({ count }) => count > 0)

interface Run {
  readonly seconds: number
  readonly cpuMsPerJob: number
}

const tools: Readonly<Record<string, (slots: string, folder: string) => ReadonlyArray<string>>> = {
  sluice: (slots, folder) => [
    process.execPath,
    launcher,
    "map",
    "-q",
    "-j",
    slots,
    "--store",
    path.join(folder, "q.db")
  ],
  parallel: (slots) => ["parallel", "-j", slots],
  xargs: (slots) => ["xargs", "-P", slots, "-n", "1"]
}

const isInstalled = (tool: string) => spawnSync("sh", ["-c", `command -v ${tool}`]).status === 0

const once = (tool: string, slots: string, { command, count, input, outputBytes }: Work): Run => {
  const folder = mkdtempSync(path.join(home, "run-"))
  const written = path.join(folder, "out")
  const out = openSync(written, "w")
  try {
    // A shell's `times` adds up everything that was waited for: the tool and its jobs.
    const startedAt = performance.now()
    const { status, stderr } = spawnSync(
      "bash",
      ["-c", '"$@"; code=$?; times >&2; exit $code', "bash", ...tools[tool]!(slots, folder), ...command],
      {
        input,
        encoding: "utf8",
        stdio: ["pipe", out, "pipe"],
        env: { PATH: process.env["PATH"], HOME: home }
      }
    )
    const seconds = (performance.now() - startedAt) / 1000
    if (status !== 0) throw new Error(`${tool} ended with ${status}: ${stderr}`)
    const bytes = statSync(written).size
    if (bytes !== outputBytes) throw new Error(`${tool} wrote ${bytes} bytes; expected ${outputBytes}`)
    const spent = stderr
      .trim()
      .split("\n")
      .at(-1)!
      .matchAll(/(\d+)m([\d.]+)s/g)
    const cpuMs = [...spent].reduce((sum, [, minutes, rest]) => sum + Number(minutes) * 60_000 + Number(rest) * 1000, 0)
    return { seconds, cpuMsPerJob: cpuMs / count }
  } finally {
    closeSync(out)
    rmSync(folder, { recursive: true, force: true })
  }
}

const median = (values: ReadonlyArray<number>) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
const rounded = (value: number) => Math.round(value * 100) / 100

const loopDelay = Effect.gen(function* () {
  const resident = Buffer.alloc(residentMb * 1e6, 1)
  const runner = yield* ProcessRunner
  const command = {
    command: ["true"] as const,
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "" },
    umask: Umask.current()
  }
  const burst = Effect.forEach(Array.from({ length: jobs }), () => runner.run(command), { concurrency: 8 })
  yield* Effect.forEach([1, 2, 3, 4], () => runner.run(command), { concurrency: 4 })
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const ends = yield* burst
  delays.disable()
  if (ends.some(({ exitCode }) => exitCode !== 0)) throw new Error("a command failed")
  return {
    residentMb: rounded(process.memoryUsage().rss / 1e6),
    held: resident.length,
    p99Ms: rounded(delays.percentile(99) / 1e6),
    maxMs: rounded(delays.max / 1e6)
  }
})

const runs = new Map<string, Array<Run>>()
const present = Object.keys(tools).filter((tool) => tool === "sluice" || isInstalled(tool))
for (const work of works) {
  // xargs does not keep apart what commands write.
  const compared = present.filter((tool) => tool !== "xargs" || work.outputBytes === 0)
  for (const tool of compared) once(tool, slots[0]!, work)
  for (let round = 0; round < rounds; round++) {
    for (const count of slots) {
      for (const tool of compared) {
        const key = `${tool} -j ${count} ${work.name}`
        runs.set(key, [...(runs.get(key) ?? []), once(tool, count, work)])
      }
    }
  }
}
const figures = Object.fromEntries(
  [...runs].map(([key, all]) => {
    const seconds = all.map((run) => run.seconds)
    const beside = runs.get(key.replace(/^\S+/, "parallel"))?.map((run) => run.seconds)
    return [
      key,
      {
        seconds: rounded(median(seconds)),
        from: rounded(Math.min(...seconds)),
        to: rounded(Math.max(...seconds)),
        cpuMsPerJob: rounded(median(all.map((run) => run.cpuMsPerJob))),
        ofParallel: beside === undefined ? undefined : rounded(median(seconds) / median(beside))
      }
    ]
  })
)
const loop = await Effect.runPromise(loopDelay.pipe(Effect.provide(ProcessRunnerLive.layer)))
if (process.argv.includes("--json")) console.log(JSON.stringify({ jobs, rounds, figures, loop }))
else {
  console.table(figures)
  console.log(`event loop with ${loop.residentMb} MB resident: p99 ${loop.p99Ms} ms, longest ${loop.maxMs} ms`)
}
