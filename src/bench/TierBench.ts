/**
 * Tiers of steady load on the SQLite store: how long an acknowledged job waits for its start, and what the worker costs
 * against itself idle. Each rate with the producer in the worker's process, and with the worker in a process of its
 * own.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { TaskQueue } from "../services/Queue/index.ts"
import { type Channel, spawnProgram } from "./FreshProcess.ts"
import { median, percentiles, sharedNow } from "./Measuring.ts"
import { sendSteadily } from "./SendSteadily.ts"
import { type Scale, Unverified, type Variant } from "./Variant.ts"
import { hosts, layerFile, Sink, storePath, withWorker } from "./Workload.ts"

/** Memory and CPU time of the worker's process at one time, all on clocks shared with the parent. */
interface Sample {
  readonly at: number
  readonly rss: number
  readonly cpuMs: number
}

/** What the worker saw: when each job started (0: never), and its samples. */
interface Seen {
  readonly started: ReadonlyArray<number>
  readonly samples: ReadonlyArray<Sample>
}

const sampleMs = 50

/** Watches this process and its handlers until `jobs` jobs have started. */
class Watch {
  readonly sink = new Sink()
  private readonly started: Float64Array
  private readonly samples: Array<Sample> = []
  private left: number
  private readonly timer = setInterval(() => this.sample(), sampleMs)
  private onAll: (() => void) | undefined

  constructor(jobs: number) {
    this.started = new Float64Array(jobs)
    this.left = jobs
    this.sink.reset((index) => {
      this.started[index] = sharedNow()
      if (--this.left === 0) this.onAll?.()
    })
  }

  private sample(): void {
    const { system, user } = process.cpuUsage()
    this.samples.push({ at: sharedNow(), rss: process.memoryUsage.rss(), cpuMs: (user + system) / 1000 })
  }

  readonly all = Effect.callback<Seen>((resume) => {
    const done = () => {
      this.sample()
      clearInterval(this.timer)
      resume(Effect.succeed({ started: [...this.started], samples: this.samples }))
    }
    if (this.left === 0) done()
    else this.onAll = done
  })
}

/** The worker in a process of its own: tells what it saw when all jobs have started. */
export const tierWorkerProgram = (file: string, jobs: number, channel: Channel) =>
  Effect.suspend(() => {
    const watch = new Watch(jobs)
    return Effect.gen(function* () {
      channel.send("ready")
      yield* Effect.raceFirst(Effect.andThen(Effect.map(watch.all, channel.send), channel.closed), channel.closed)
    }).pipe(Effect.provide(withWorker(layerFile(file, hosts[0]!), watch.sink, 100)))
  })

interface Phases {
  readonly perSecond: number
  readonly warmUpJobs: number
  readonly idleMs: number
  readonly loadJobs: number
}

/** Milliseconds after the last warm-up job that do not count as idle: what it left behind is settled. */
const settleMs = 1000

const between = (samples: ReadonlyArray<Sample>, from: number, to: number) =>
  samples.filter(({ at }) => at >= from && at <= to)

const figuresOf = (seen: Seen, acknowledged: Float64Array, phases: Phases, idleFrom: number, loadFrom: number) =>
  Effect.gen(function* () {
    const missing = seen.started.filter((at) => at === 0).length
    if (missing > 0) return yield* new Unverified({ message: `${missing} jobs did not start` })
    const waits = seen.started
      .slice(phases.warmUpJobs)
      .map((at, i) => Math.max(0, at - acknowledged[phases.warmUpJobs + i]!))
    const end = seen.samples.at(-1)!.at
    const idle = between(seen.samples, idleFrom, loadFrom)
    const load = between(seen.samples, loadFrom, end)
    const core = (samples: ReadonlyArray<Sample>) =>
      ((samples.at(-1)!.cpuMs - samples[0]!.cpuMs) / (samples.at(-1)!.at - samples[0]!.at)) * 100
    const idleRss = median(idle.map(({ rss }) => rss))
    const { p50, p95, p99 } = percentiles(waits)
    return {
      perSec: (phases.loadJobs / (Math.max(...seen.started.slice(-1000)) - loadFrom)) * 1000,
      p50,
      p95,
      p99,
      rss: (median(load.map(({ rss }) => rss)) / idleRss - 1) * 100,
      rssIdle: idleRss / 2 ** 20,
      core: core(load),
      coreIdle: core(idle)
    }
  })

/** Warm-up, a pause, the load; everything sent by the clock. */
const run = (phases: Phases, seen: Effect.Effect<Seen, Unverified>) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const { idleMs, loadJobs, perSecond, warmUpJobs } = phases
    const acknowledged = new Float64Array(warmUpJobs + loadJobs)
    const send = (from: number, jobs: number) =>
      sendSteadily(
        queue,
        { perSecond, jobs, from },
        () => undefined,
        (index) => {
          acknowledged[index] = sharedNow()
        }
      )
    yield* send(0, warmUpJobs)
    yield* Effect.sleep(settleMs)
    const idleFrom = sharedNow()
    yield* Effect.sleep(idleMs)
    const loadFrom = sharedNow()
    yield* send(warmUpJobs, loadJobs)
    const all = yield* Effect.timeoutOrElse(seen, {
      duration: "30 seconds",
      orElse: () => Effect.fail(new Unverified({ message: "not all jobs started within 30 s of the last" }))
    })
    return yield* figuresOf(all, acknowledged, phases, idleFrom, loadFrom)
  })

const phasesOf = (perSecond: number, { quick }: Scale): Phases => ({
  perSecond,
  warmUpJobs: perSecond * (quick ? 2 : 10),
  idleMs: quick ? 1000 : 3000,
  loadJobs: perSecond * (quick ? 2 : 10)
})

const here = (perSecond: number) => (scale: Scale) =>
  Effect.suspend(() => {
    const phases = phasesOf(perSecond, scale)
    const watch = new Watch(phases.warmUpJobs + phases.loadJobs)
    return run(phases, watch.all).pipe(
      Effect.provide(withWorker(layerFile(storePath(scale.folder), hosts[0]!), watch.sink, 100))
    )
  })

const elsewhere = (perSecond: number) => (scale: Scale) =>
  Effect.gen(function* () {
    const file = storePath(scale.folder)
    const phases = phasesOf(perSecond, scale)
    const ready = yield* Deferred.make<void>()
    const seen = yield* Deferred.make<Seen>()
    return yield* Effect.gen(function* () {
      const words = ["tier-worker", file, String(phases.warmUpJobs + phases.loadJobs)]
      const { ended } = yield* spawnProgram(words, (message) => {
        if (message === "ready") Deferred.doneUnsafe(ready, Effect.void)
        else Deferred.doneUnsafe(seen, Effect.succeed(message as Seen))
      })
      yield* Effect.raceFirst(Deferred.await(ready), ended)
      return yield* Effect.raceFirst(run(phases, Deferred.await(seen)), ended)
    }).pipe(Effect.provide(layerFile(file, hosts[0]!)))
  }).pipe(Effect.scoped)

/** The targets: p95 of acknowledged to started in milliseconds. */
const tiers = [
  { perSecond: 500, p95: 5 },
  { perSecond: 1000, p95: 3 },
  { perSecond: 2000, p95: 1 }
] as const

const places = [
  { name: "one-process", label: "producer and worker in one process", measure: here },
  { name: "other-process", label: "worker in a process of its own", measure: elsewhere }
] as const

export const variants: ReadonlyArray<Variant> = places.flatMap((place) =>
  tiers.map(({ p95, perSecond }): Variant => {
    const of = `at ${perSecond.toLocaleString("en-US")}/s, ${place.label}`
    return {
      name: `sqlite/tiers/${place.name}/${perSecond}`,
      onRequest: true,
      figures: {
        // A steady producer sends its last job one gap early; a hundredth less is the same rate.
        perSec: { label: `jobs started a second, ${of}`, unit: "jobs/s", target: { atLeast: perSecond * 0.99 } },
        p50: { label: `acknowledged to started, p50, ${of}`, unit: "ms", detail: true },
        p95: { label: `acknowledged to started, p95, ${of}`, unit: "ms", target: { atMost: p95 } },
        p99: { label: `acknowledged to started, p99, ${of}`, unit: "ms", detail: true },
        rss: { label: `RSS over idle after warm-up, ${of}`, unit: "%", target: { atMost: 10 } },
        rssIdle: { label: `RSS idle after warm-up, ${of}`, unit: "MiB", detail: true },
        core: {
          label: `CPU of one core, ${of}`,
          unit: "%",
          ...(perSecond === 500 && { target: { atMost: 30 } })
        },
        coreIdle: { label: `CPU of one core idle, ${of}`, unit: "%", detail: true }
      },
      measure: place.measure(perSecond)
    }
  })
)
