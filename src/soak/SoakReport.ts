/** From the lines of a soak to its result. */
import * as Effect from "effect/Effect"
import { Histogram } from "../services/Queue/index.ts"
import { machine } from "../bench/Machine.ts"
import { median } from "../bench/Measuring.ts"
import { availabilityOf } from "./Availability.ts"
import { hoursOf, panelsOf } from "./SoakPanels.ts"
import { checkLedger, readLedger } from "./SoakLedger.ts"
import { files, type SoakPlan } from "./SoakPlan.ts"
import type { RoleResult, SoakResult } from "./SoakResult.ts"
import type { Decided, LineOf, Role, SoakLine } from "./SoakSamples.ts"
import { slopeOf } from "./Slope.ts"
import { verdictsOf } from "./SoakVerdict.ts"

type ProcessLine = LineOf<"process">

/**
 * A process's samples without its warm-up, in which compiled code and caches fill: the first tenth of its life, at
 * least a minute.
 */
const warmed = (life: ReadonlyArray<ProcessLine>): ReadonlyArray<ProcessLine> => {
  const begun = life[0]!.elapsed
  const from = begun + Math.max(60_000, (life.at(-1)!.elapsed - begun) / 10)
  return life.filter(({ elapsed }) => elapsed >= from)
}

/** Fewer samples say nothing about growth. */
const leastSamples = 9

const mergeWaits = (lines: ReadonlyArray<ProcessLine>): Histogram.Histogram =>
  lines.reduce(
    (sum, { waits }) =>
      waits === undefined ? sum : Histogram.merge(sum, { ...waits, buckets: Histogram.unpack(waits.buckets) }),
    Histogram.empty
  )

/**
 * How a figure changed over the lives of processes: medians of the last tenth minus those of the first after the
 * warm-up, added up.
 */
const changeOf = (lives: ReadonlyArray<ReadonlyArray<number>>): number =>
  lives.reduce((sum, values) => {
    const tenth = Math.max(1, Math.round(values.length / 9))
    return sum + median(values.slice(-tenth)) - median(values.slice(0, tenth))
  }, 0)

const roleResult = (
  role: Role,
  lines: ReadonlyArray<ProcessLine>,
  plan: SoakPlan,
  hours: (line: SoakLine) => number
): RoleResult => {
  const lives = [...Map.groupBy(lines, ({ part, pid }) => `${part}:${pid}`).values()]
  const undisturbed = role !== "worker" || (plan.killMs === undefined && plan.stopMs === undefined)
  const warm = lives.map(warmed).filter(({ length }) => length >= leastSamples)
  const level = (of: (line: ProcessLine) => number) => median((warm.length > 0 ? warm.flat() : lines).map(of))
  const heapBytes = level(({ heap }) => heap)
  const rssBytes = level(({ rss }) => rss)
  const slope = undisturbed
    ? slopeOf(warm.map((life) => life.map((line) => ({ x: hours(line), y: line.heap }))))
    : undefined
  const change = (of: (line: ProcessLine) => number) => changeOf(warm.map((life) => life.map(of)))
  return {
    role,
    processes: lives.length,
    undisturbed,
    heapBytes,
    rssBytes,
    rssPeakBytes: lines.reduce((most, { rss }) => Math.max(most, rss), 0),
    descriptors: level(({ descriptors }) => descriptors),
    ...(undisturbed &&
      warm.length > 0 && {
        heapGrowth: change(({ heap }) => heap) / heapBytes,
        rssGrowth: change(({ rss }) => rss) / rssBytes,
        handleGrowth: change(({ descriptors, resources }) => descriptors + resources)
      }),
    ...(slope !== undefined && {
      heapSlope: {
        perDay: (slope.slope * 24) / slope.mean,
        low: (slope.low * 24) / slope.mean,
        high: (slope.high * 24) / slope.mean,
        samples: slope.samples,
        lags: slope.lags
      }
    })
  }
}

/** Several passes of the pruner, which comes every 10 s: less of a first half says nothing about the store's bound. */
const leastTideMs = 60_000

/**
 * The day's shape is the same forwards and backwards, so that its halves are alike, whatever time each took; the first
 * counts from when retention is at work.
 */
const storeGrowth = (
  lines: ReadonlyArray<LineOf<"store">>,
  plan: SoakPlan,
  hours: (line: SoakLine) => number
): number | undefined => {
  const filled = lines.findIndex(({ finished }) => finished >= plan.retain)
  const half = lines.findIndex((line) => hours(line) >= plan.hours / 2)
  if (filled < 0 || half < 0 || lines[half]!.elapsed - lines[filled]!.elapsed < leastTideMs) return undefined
  const most = (part: ReadonlyArray<LineOf<"store">>) =>
    part.reduce((most, { fileBytes, walBytes }) => Math.max(most, fileBytes + walBytes), 0)
  return most(lines.slice(half)) / most(lines.slice(filled, half)) - 1
}

const totalCpuMs = (lines: ReadonlyArray<ProcessLine>): number =>
  [...Map.groupBy(lines, ({ part, pid }) => `${part}:${pid}`).values()].reduce(
    (sum, life) => sum + life.at(-1)!.cpuMs,
    0
  )

const decidedOf = ({ elapsed: _elapsed, part: _part, type: _type, ...decided }: LineOf<"decision">): Decided => decided

/** Reads the ledger in `folder`; the lines must hold at least one part. */
export const resultOf = (folder: string, plan: SoakPlan, lines: ReadonlyArray<SoakLine>): Effect.Effect<SoakResult> =>
  Effect.gen(function* () {
    const of = <T extends SoakLine["type"]>(type: T) => lines.filter((line): line is LineOf<T> => line.type === type)
    const parts = of("part")
    const ends = of("end")
    const stores = of("store")
    const last = stores.at(-1)
    const processes = of("process")
    const working = processes.filter(({ role }) => role !== "soak")
    const faults = of("fault")
    const produced = [...Map.groupBy(of("produced"), ({ part }) => part).values()].map((reports) => reports.at(-1)!)
    const sent = produced.reduce((sum, { part, sent }) => sum + sent - parts.find((p) => p.part === part)!.from, 0)
    const seconds = lines.at(-1)!.elapsed / 1000
    const hours = hoursOf(plan, lines)
    const waits = mergeWaits(processes)
    const counted = { killed: 0, stopped: 0, died: 0 }
    for (const { what } of faults) counted[what]++
    const growth = storeGrowth(stores, plan, hours)
    const availability = availabilityOf(lines)
    const ended = ends.at(-1)?.part === parts.at(-1)!.part
    const measured = {
      format: 1 as const,
      plan,
      folder,
      machine: yield* machine(folder),
      commits: [...new Set(parts.flatMap(({ commit }) => commit ?? []))],
      startedAt: parts[0]!.startedAt,
      parts: parts.length,
      seconds,
      hours: hours(lines.at(-1)!),
      ended,
      complete: ended && produced.at(-1)?.done === true,
      jobs: {
        sent,
        perSecond: sent / seconds,
        live: last?.live ?? 0,
        arrivals: last?.arrivals ?? 0,
        completed: last?.completed ?? 0,
        buried: last?.dead ?? 0,
        starts: last?.starts ?? 0,
        recovered: last?.recovered ?? 0
      },
      latency: {
        p50: Histogram.quantile(waits, 0.5),
        p95: Histogram.quantile(waits, 0.95),
        p99: Histogram.quantile(waits, 0.99),
        max: waits.max
      },
      cpuMicrosPerJob: sent === 0 ? 0 : (totalCpuMs(working) * 1000) / sent,
      faults: counted,
      ledger: checkLedger(plan, lines, readLedger(files(folder).ledger)),
      store: {
        fileBytes: last?.fileBytes ?? 0,
        walBytes: last?.walBytes ?? 0,
        peakBytes: stores.reduce((most, { fileBytes, walBytes }) => Math.max(most, fileBytes + walBytes), 0),
        mostFinished: stores.reduce((most, { finished }) => Math.max(most, finished), 0),
        ...(growth !== undefined && { growth })
      },
      ...(plan.unattended === true && {
        unattended: {
          ...(availability !== undefined && { availability }),
          decisions: of("decision").map((line) => ({ hour: hours(line), ...decidedOf(line) }))
        }
      }),
      roles: (["worker", "producer", "soak"] as const).flatMap((role) => {
        const own = processes.filter((line) => line.role === role)
        return own.length === 0 ? [] : [roleResult(role, own, plan, hours)]
      }),
      panels: panelsOf(plan, lines),
      faultsAt: faults.map(hours),
      load: [...parts, ...ends].map(({ load }) => load)
    }
    return { ...measured, verdicts: verdictsOf(measured) }
  })
