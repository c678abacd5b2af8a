/** A soak's result in words and tables, for the terminal, the page and the text file beside it. */
import * as HumanNumber from "../cli/terminal/HumanNumber.ts"
import type { RoleResult, SoakResult } from "./SoakResult.ts"

export const mode = ({ plan }: SoakResult): string =>
  plan.accelerated
    ? `accelerated: a day of ${plan.hours} h and ${HumanNumber.count(plan.jobs)} jobs as fast as they go`
    : `by the clock: ${plan.hours} h, ${HumanNumber.count(plan.jobs)} jobs along the curve of a day`

const percent = (share: number | undefined): string =>
  share === undefined ? HumanNumber.unknown : `${(share * 100).toFixed(2)} %`

const millis = (value: number): string => `${Number(value.toPrecision(3))} ms`

const decided = ({ unattended }: SoakResult): ReadonlyArray<readonly [name: string, value: string]> => {
  if (unattended === undefined) return []
  const counts = Map.groupBy(unattended.decisions, ({ by }) => by)
  return [["decided by itself", [...counts].map(([by, { length }]) => `${by} ${length}`).join(", ") || "nothing yet"]]
}

/** Name and value of every figure. */
export const figures = (result: SoakResult): ReadonlyArray<readonly [name: string, value: string]> => {
  const { faults, jobs, latency, ledger, machine, store } = result
  return [
    ["run", mode(result)],
    [
      "ran",
      `${HumanNumber.duration(result.seconds * 1000)} in ${result.parts} part${result.parts === 1 ? "" : "s"} from ${result.startedAt}; ${result.complete ? "complete" : "not complete"}`
    ],
    ["jobs sent", `${HumanNumber.count(jobs.sent)}, ${HumanNumber.count(Math.round(jobs.perSecond))} a second`],
    [
      "followed one by one",
      `${HumanNumber.count(ledger.followed)} (1 in ${ledger.oneIn}): ${ledger.lost} lost, ${ledger.repeated} repeated, ${ledger.impossible} impossible`
    ],
    ["recovered attempts", HumanNumber.count(jobs.recovered)],
    ["faults", `${faults.killed} killed with -9, ${faults.stopped} stopped, ${faults.died} died`],
    [
      "asked for to started",
      `p50 ${millis(latency.p50)}, p95 ${millis(latency.p95)}, p99 ${millis(latency.p99)}, at most ${millis(latency.max)}`
    ],
    [
      "CPU per job",
      `${result.cpuMicrosPerJob.toFixed(1)} µs, producer and workers, all threads, samples' collections included`
    ],
    [
      "store",
      `file ${HumanNumber.bytes(store.fileBytes)}, log ${HumanNumber.bytes(store.walBytes)}, together at most ${HumanNumber.bytes(store.peakBytes)}; at most ${HumanNumber.count(store.mostFinished)} finished jobs`
    ],
    ...decided(result),
    ["folder", result.folder],
    ...(result.complete ? [] : [["goes on with", `sluice soak --resume ${result.folder}`] as const]),
    ["load of the machine", result.load.map((load) => load.toFixed(1)).join(", ")],
    [
      "machine",
      `${machine.cpu}, ${machine.cores} cores, ${machine.fileSystem}, Node ${machine.node}, SQLite ${machine.sqlite}, Sluice ${machine.sluice}${result.commits.length === 0 ? "" : ` (${result.commits.join(", ")})`}`
    ]
  ]
}

export const roleColumns = [
  "process",
  "lives",
  "heap",
  "heap growth",
  "heap slope per 24 h (95 % interval)",
  "RSS",
  "RSS growth",
  "descriptors",
  "handles"
] as const

export const roleCells = (role: RoleResult): ReadonlyArray<string> => [
  role.role,
  String(role.processes),
  HumanNumber.bytes(role.heapBytes),
  percent(role.heapGrowth),
  role.heapSlope === undefined
    ? HumanNumber.unknown
    : `${percent(role.heapSlope.perDay)} (${percent(role.heapSlope.low)} to ${percent(role.heapSlope.high)})`,
  HumanNumber.bytes(role.rssBytes),
  percent(role.rssGrowth),
  String(role.descriptors),
  role.handleGrowth === undefined ? HumanNumber.unknown : `${role.handleGrowth >= 0 ? "+" : ""}${role.handleGrowth}`
]

export const decisionColumns = ["hour", "by", "of", "from", "to", "why"] as const

export const decisionCells = (decision: NonNullable<SoakResult["unattended"]>["decisions"][number]) => {
  const { by, from, hour, of, pid, to, why } = decision
  const whose = pid === undefined ? of : `${of}, worker ${pid}`
  return [hour.toFixed(3), by, whose, String(from ?? ""), String(to ?? ""), why]
}

export const summary = (result: SoakResult): string => {
  const count = (outcome: string) => result.verdicts.filter((verdict) => verdict.outcome === outcome).length
  return `${count("met")} criteria met, ${count("missed")} missed, ${count("undecided")} undecided`
}

export const lines = (result: SoakResult): ReadonlyArray<string> => {
  const wide = Math.max(...figures(result).map(([name]) => name.length))
  return [
    ...figures(result).map(([name, value]) => `${name.padEnd(wide)}  ${value}`),
    "",
    ...result.roles.map((role) => {
      const [name, ...cells] = roleCells(role)
      return `${name}: ${cells.map((cell, i) => `${roleColumns[i + 1]} ${cell}`).join(", ")}`
    }),
    "",
    ...result.verdicts.map(({ criterion, found, outcome }) => `${outcome.padEnd(9)}  ${criterion}: ${found}`),
    "",
    summary(result)
  ]
}
