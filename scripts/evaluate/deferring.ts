// What deferring does to a load: a part of the jobs of a trace is wanted some hours later only. They start at once, in
// a fixed window of the night, or where the product's forecaster and policy put them.
//
//   node scripts/evaluate/deferring.ts FOLDER [--days 10] [--share 0.3] [--picture FILE.svg]
//
// FOLDER holds traces as `timestamp_iso,count` on a regular grid, an empty count being a missing one; each *.csv of it
// is a load. The forecaster learns from the days before the last ones. Runs are drawn so that the peak of a load that
// starts at once is about a hundred slots; deadlines are 8 to 24 hours away. Prints a table per trace: running slots at
// the peak and at the 99th percentile of time while slots are without number, and what is late and how long the others
// wait where there are as many slots as deferring needs at its peak. The picture shows the days around the highest peak
// of the first trace.

import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { parseArgs } from "node:util"
import type { Picture } from "../../src/cli/plot/Picture.ts"
import { pictureSvg } from "../../src/cli/plot/PictureSvg.ts"
import { addRun, type LoadOutlook, placesOf, withScheduled } from "../../src/services/Limits/policy/Deferring.ts"
import { openingTimes, parseHours } from "../../src/services/Limits/policy/Hours.ts"
import { gridOf, outlookOf, outlookStepMs } from "../../src/services/Limits/policy/OutlookOfLoad.ts"
import { make } from "../../src/services/Scaling/policy/forecast/Forecasting.ts"
import { workOf } from "../../src/services/Scaling/policy/WorkForecast.ts"
import { SeededRandom } from "../../test/support/SeededRandom.ts"

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
/** Running slots at the peak of a load that starts at once, about. */
const peakSlots = 100
/** Of a run: its deviation in units of its mean. */
const runDeviation = 1
const night = openingTimes(parseHours("00:00-06:00 UTC"))

interface SimulatedJob {
  readonly at: number
  readonly runMs: number
  /** Undefined: it starts at once in any case. */
  readonly deadline: number | undefined
}

interface Trace {
  readonly start: number
  readonly stepMs: number
  readonly counts: ReadonlyArray<number | undefined>
}

export const readTrace = (file: string): Trace => {
  const rows = readFileSync(file, "utf8").trim().split("\n").slice(1)
  const cells = rows.map((row) => row.split(",") as [string, string])
  const [first, second] = cells.map(([at]) => Date.parse(at))
  return {
    start: first!,
    stepMs: second! - first!,
    counts: cells.map(([, count]) => (count === "" ? undefined : Number(count)))
  }
}

const logNormal = (random: SeededRandom, mean: number): number => {
  const variance = Math.log(1 + runDeviation ** 2)
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
  return mean * Math.exp(Math.sqrt(variance) * normal - variance / 2)
}
/** Of ten thousand runs one is longer: about the longest of a day, which the product counts with. */
const longRun = (mean: number) => {
  const variance = Math.log(1 + runDeviation ** 2)
  return mean * Math.exp(3.719 * Math.sqrt(variance) - variance / 2)
}

/** The jobs of a trace from a step on, a share of them deferrable. */
const jobsOf = (trace: Trace, fromStep: number, meanMs: number, share: number, random: SeededRandom) => {
  const jobs: Array<SimulatedJob> = []
  trace.counts.forEach((count, step) => {
    if (step < fromStep) return
    for (let i = 0; i < (count ?? 0); i++) {
      const at = trace.start + (step + random.next()) * trace.stepMs
      const deadline = random.chance(share) ? at + (8 + 16 * random.next()) * hourMs : undefined
      jobs.push({ at, runMs: logNormal(random, meanMs), deadline })
    }
  })
  return jobs.sort((a, b) => a.at - b.at)
}

/** Fewer of each count, so that a trace of millions is one of `most`. */
const thinned = (trace: Trace, fromStep: number, most: number, random: SeededRandom): Trace => {
  const total = trace.counts.slice(fromStep).reduce<number>((sum, count) => sum + (count ?? 0), 0)
  const part = Math.min(1, most / total)
  return {
    ...trace,
    counts: trace.counts.map((count) => {
      if (count === undefined || part === 1) return count
      const kept = Math.floor(count * part)
      return kept + (random.chance(count * part - kept) ? 1 : 0)
    })
  }
}

/** When each job becomes due. */
type Choice = (jobs: ReadonlyArray<SimulatedJob>) => ReadonlyArray<number>

const atOnce: Choice = (jobs) => jobs.map(({ at }) => at)

/** In the next night, if that is before the deadline: when it begins, or anywhere in it. */
const inWindow =
  (spread: SeededRandom | undefined, mostMs: number): Choice =>
  (jobs) =>
    jobs.map(({ at, deadline }) => {
      if (deadline === undefined) return at
      const { changesAt, isOpen } = night(at)
      const from = isOpen ? at : changesAt!
      const to = isOpen ? changesAt! : night(changesAt!).changesAt!
      const due = spread === undefined ? from : from + spread.next() * (to - from)
      return due + mostMs <= deadline ? due : at
    })

/** As the product does: an outlook each quarter of an hour, and each job placed as it comes. */
const deferring =
  (trace: Trace, fromStep: number, meanMs: number, slots: number, random: SeededRandom): Choice =>
  (jobs) => {
    const horizon = Math.round(dayMs / trace.stepMs)
    const forecaster = make({ stepSeconds: trace.stepMs / 1000, horizon })
    const run = { meanMs, mostMs: longRun(meanMs) }
    const seen = (step: number) => trace.start + step * trace.stepMs
    const perOutlook = Math.max(1, Math.round(outlookStepMs / trace.stepMs))
    const dues: Array<number> = []
    /** Of jobs that are due later than now. */
    let scheduled: Array<number> = []
    let next = 0
    const place = (outlook: LoadOutlook, until: number): void => {
      let current = outlook
      for (; next < jobs.length && jobs[next]!.at < until; next++) {
        const { at, deadline } = jobs[next]!
        const placed =
          deadline === undefined
            ? undefined
            : placesOf(current, { now: at, deadline, run, jobs: 1, phase: random.next() })
        const due = placed?.[0] ?? at
        dues.push(due)
        if (placed === undefined) continue
        scheduled.push(due)
        current = withScheduled(current, placed, meanMs)
      }
    }
    trace.counts.forEach((count, step) => {
      if (step >= fromStep && (step - fromStep) % perOutlook === 0) {
        const from = seen(step)
        scheduled = scheduled.filter((due) => due >= from)
        const work = forecaster.forecast(horizon + perOutlook).map((each) => {
          const { expected, p95 } = workOf(each, meanMs, runDeviation ** 2)
          return { expected, atMost: p95 }
        })
        const grid = gridOf(from, trace.stepMs, work.length)
        const busy = Array.from({ length: grid.count }, () => 0)
        for (const due of scheduled) addRun(busy, Math.floor((due - from) / grid.stepMs), meanMs / grid.stepMs)
        const outlook = outlookOf(grid, {
          work,
          workStepMs: trace.stepMs,
          meanMs,
          slotsAt: () => slots,
          scheduled: busy,
          backlogMs: 0
        })
        place(outlook, from + perOutlook * trace.stepMs)
      }
      forecaster.update(count)
    })
    return dues
  }

interface Outcome {
  readonly peak: number
  readonly p99: number
  readonly late: number
  readonly slotHours: number
  /** Of the jobs that are not deferrable, from due to start. */
  readonly waitP99Ms: number
  /** Running slots, averaged over quarters of an hour from the first. */
  readonly curve: ReadonlyArray<number>
}

const quantile = (sorted: ReadonlyArray<number>, part: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0

/** Jobs in the order in which they are due, on so many slots. */
const run = (jobs: ReadonlyArray<SimulatedJob>, dues: ReadonlyArray<number>, slots: number): Outcome => {
  const order = jobs.map((job, i) => ({ ...job, due: dues[i]! })).sort((a, b) => a.due - b.due)
  const ends = new Ends()
  const changes: Array<readonly [at: number, by: number]> = []
  const waits: Array<number> = []
  const from = jobs[0]!.at
  const curve: Array<number> = Array.from({ length: Math.ceil((jobs.at(-1)!.at - from) / outlookStepMs) }, () => 0)
  let late = 0
  let slotHours = 0
  for (const { deadline, due, runMs } of order) {
    const start = ends.size < slots ? due : Math.max(due, ends.take())
    const end = start + runMs
    ends.add(end)
    changes.push([start, 1], [end, -1])
    slotHours += runMs / hourMs
    if (deadline === undefined) waits.push(start - due)
    else if (end > deadline) late++
    addRun(curve, (start - from) / outlookStepMs, runMs / outlookStepMs)
  }
  changes.sort(([a, up], [b, other]) => a - b || up - other)
  /** Milliseconds at each number of running slots. */
  const spent: Array<number> = []
  let running = 0
  let peak = 0
  let since = changes[0]![0]
  for (const [at, by] of changes) {
    spent[running] = (spent[running] ?? 0) + at - since
    since = at
    running += by
    peak = Math.max(peak, running)
  }
  const all = spent.reduce((sum, each) => sum + (each ?? 0), 0)
  let p99 = 0
  for (let below = spent[0] ?? 0; below < 0.99 * all; below += spent[p99] ?? 0) p99++
  return {
    peak,
    p99,
    late,
    slotHours,
    waitP99Ms: quantile(
      waits.sort((a, b) => a - b),
      0.99
    ),
    curve
  }
}

/** Ends of running jobs, the earliest first: a binary heap. */
class Ends {
  private readonly heap: Array<number> = []

  get size(): number {
    return this.heap.length
  }

  add(end: number): void {
    const { heap } = this
    let i = heap.push(end) - 1
    while (i > 0 && heap[(i - 1) >> 1]! > end) {
      heap[i] = heap[(i - 1) >> 1]!
      i = (i - 1) >> 1
    }
    heap[i] = end
  }

  take(): number {
    const { heap } = this
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++
      if (heap[child]! >= last) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return first
  }
}

const main = () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      days: { type: "string", default: "10" },
      share: { type: "string", default: "0.3" },
      picture: { type: "string" }
    }
  })
  const [folder] = positionals
  if (folder === undefined) throw new Error("usage: node scripts/evaluate/deferring.ts FOLDER")
  const share = Number(values.share)
  const files = readdirSync(folder).filter((name) => name.endsWith(".csv"))
  for (const [index, file] of files.entries()) {
    const random = new SeededRandom(1)
    const whole = readTrace(path.join(folder, file))
    const fromStep = whole.counts.length - Math.round((Number(values.days) * dayMs) / whole.stepMs)
    const trace = thinned(whole, fromStep, 300_000, random)
    const busiest = Math.max(...trace.counts.slice(fromStep).map((count) => count ?? 0))
    const meanMs = (peakSlots * trace.stepMs) / busiest
    const jobs = jobsOf(trace, fromStep, meanMs, share, random)
    const choices: ReadonlyArray<readonly [string, ReadonlyArray<number>]> = [
      ["at once", atOnce(jobs)],
      ["night window, as it opens", inWindow(undefined, longRun(meanMs))(jobs)],
      ["night window, spread over it", inWindow(random, longRun(meanMs))(jobs)],
      ["deferrable", deferring(trace, fromStep, meanMs, 1_000_000, random)(jobs)]
    ]
    const unbounded = choices.map(([, dues]) => run(jobs, dues, Number.POSITIVE_INFINITY))
    const slots = unbounded.at(-1)!.peak
    const bounded = choices.map(([, dues]) => run(jobs, dues, slots))
    console.log(
      `\n${file}: ${jobs.length} jobs, runs of ${(meanMs / 1000).toFixed(1)} s in the mean, ${jobs.filter(({ deadline }) => deadline !== undefined).length} of them deferrable\n`
    )
    console.log(
      `| start | peak | p99 | slot-hours | late | with ${slots} slots: late | others wait, p99 |\n|---|---|---|---|---|---|---|`
    )
    choices.forEach(([name], i) => {
      const { late, p99, peak, slotHours } = unbounded[i]!
      const { late: lateThen, waitP99Ms } = bounded[i]!
      console.log(
        `| ${name} | ${peak} | ${p99} | ${slotHours.toFixed(0)} | ${late} | ${lateThen} | ${(waitP99Ms / 1000).toFixed(1)} s |`
      )
    })
    if (index === 0 && values.picture !== undefined)
      writeFileSync(values.picture, pictureSvg(pictureOf(file, jobs, choices, unbounded), "auto"))
  }
}

/** Three days around the highest peak of what starts at once. */
const pictureOf = (
  file: string,
  jobs: ReadonlyArray<SimulatedJob>,
  choices: ReadonlyArray<readonly [string, ReadonlyArray<number>]>,
  outcomes: ReadonlyArray<Outcome>
): Picture => {
  const start = jobs[0]!.at
  const { curve } = outcomes[0]!
  const highest = start + curve.indexOf(Math.max(...curve)) * outlookStepMs
  const from = Math.max(start, Math.floor(highest / dayMs) * dayMs - dayMs)
  const to = from + 3 * dayMs
  const tones = ["actual", "second", "third", "forecast"] as const
  return {
    title: "The same jobs, started at once, at night, and where the forecast is lowest",
    notes: [`${path.basename(file, ".csv")}: running slots, averaged over a quarter of an hour`],
    from,
    to,
    timeZone: "UTC",
    panels: [0, 2, 3].map((i) => ({
      title: choices[i]![0],
      unit: "running slots",
      bands: [],
      lines: [
        {
          name: choices[i]![0],
          tone: tones[i]!,
          points: outcomes[i]!.curve.map((value, j) => [start + j * outlookStepMs, value] as const).filter(
            ([at]) => at >= from && at <= to
          )
        }
      ]
    }))
  }
}

if (import.meta.main) main()
