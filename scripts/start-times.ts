// How long commands take, from start to end, in the package as it is installed.
//
//   npm run build && node scripts/start-times.ts [ROUNDS]        (20 rounds unless said; a quiet machine)
//
// Commands take turns within a round, so that a slow minute hits all of them; the first two rounds compile what is kept
// compiled and do not count. Prints the median, the spread (10th to 90th percentile), the CPU time of its processes
// (mean of user + system, on Linux) and the target of each, stamped with machine, commit and load. The first line is
// Node itself, below which no command can be.

import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import os from "node:os"
import path from "node:path"
import { root } from "../src/files/Package.ts"
import { install, isBuilt } from "./build/installed.ts"

const rounds = Number(process.argv[2] ?? 20)
if (!(rounds >= 1)) throw new Error(`${process.argv[2]} is no number of rounds`)
if (!isBuilt) throw new Error("there is no dist/bundle; npm run build first")

const folder = mkdtempSync(path.join(os.tmpdir(), "sluice-start-times-"))

/** Commands with what they may take, in milliseconds. */
const commands: ReadonlyArray<readonly [string, ReadonlyArray<string>, number | undefined]> = [
  ["--version", ["--version"], 50],
  ["--help", ["--help"], 90],
  ["job ls", ["job", "ls", "--limit", "1"], 140],
  ["queue status", ["queue", "status"], 140],
  ["worker ls", ["worker", "ls"], 140],
  ["add", ["add", "--", "true"], 140],
  ["run -- true", ["run", "--", "true"], 240],
  ["map true ::: 1", ["map", "true", ":::", "1"], 230],
  ["add of 1,000", ["add", "--from", path.join(folder, "lines")], 500],
  ["completions bash", ["completions", "bash"], undefined]
]

const env = { PATH: process.env.PATH, HOME: folder, SLUICE_STORE: path.join(folder, "q.db") }

/**
 * CPU time of all children that have been waited for, in milliseconds. The kernel tells it in hundredths of a second:
 * only a mean of rounds says more.
 */
const childrensCpu = (): number => {
  try {
    const fields = readFileSync("/proc/self/stat", "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")
    return (Number(fields[13]) + Number(fields[14])) * 10
  } catch {
    return Number.NaN
  }
}

interface Time {
  readonly wall: number
  readonly cpu: number
}

const timed = (words: ReadonlyArray<string>): Time => {
  const before = childrensCpu()
  const started = performance.now()
  const { status, stderr } = spawnSync(process.execPath, words, { cwd: folder, encoding: "utf8", env })
  const wall = performance.now() - started
  if (status !== 0) throw new Error(`${words.join(" ")} ended with ${status}: ${stderr}`)
  return { wall, cpu: childrensCpu() - before }
}

const at = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!

try {
  writeFileSync(path.join(folder, "lines"), Array.from({ length: 1000 }, (_, i) => `echo ${i}\n`).join(""))
  const launcher = install(path.join(folder, "package"))
  timed([launcher, "add", "--", "true"])
  const calls = [
    { name: "node -e 0", words: ["-e", "0"], target: undefined },
    ...commands.map(([name, words, target]) => ({ name, words: [launcher, ...words], target }))
  ].map((call) => ({ ...call, times: [] as Array<Time> }))
  for (let round = -2; round < rounds; round++) {
    for (const { times, words } of calls) {
      const time = timed(words)
      if (round >= 0) times.push(time)
    }
  }
  const commit = execFileSync("git", ["-C", root, "rev-parse", "--short=12", "HEAD"], {
    encoding: "utf8",
    env: { PATH: process.env.PATH }
  }).trim()
  const load = os
    .loadavg()
    .map((value) => value.toFixed(2))
    .join(" ")
  console.log(`${new Date().toISOString()} ${commit} node ${process.versions.node}, ${os.availableParallelism()} cores`)
  console.log(`${os.cpus()[0]?.model.trim()}, load ${load}, ${rounds} rounds; milliseconds`)
  for (const { name, target, times } of calls) {
    const sorted = times.map(({ wall }) => wall).toSorted((a, b) => a - b)
    const spread = `${at(sorted, 0.1).toFixed(0)} to ${at(sorted, 0.9).toFixed(0)}`
    const cpu = (times.reduce((sum, time) => sum + time.cpu, 0) / times.length).toFixed(0)
    const wanted = target === undefined ? "" : `target ${target}`
    console.log(
      `${name.padEnd(18)}${at(sorted, 0.5).toFixed(0).padStart(6)}  ${spread.padEnd(14)}CPU ${cpu.padStart(4)}  ${wanted}`
    )
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
