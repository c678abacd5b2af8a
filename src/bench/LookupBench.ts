/**
 * Whether looking costs more among a million jobs than among a thousand: one job by id, and a page of twenty by each
 * filter. Jobs of 4 tasks in 3 groups, half of them finished (1 in 50 failed), each with one of 10 owners and one of 10
 * tags. Store files are filled once and opened anew in each round; calls run on the caller's thread, so that a thread's
 * round trip does not hide their cost.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import path from "node:path"
import {
  Job,
  type JobFilter,
  type JobId,
  type JobRecord,
  request,
  Sluice,
  Task,
  TaskQueue
} from "../services/Queue/index.ts"
import { median, now, verify } from "./Measuring.ts"
import { type Scale, Unverified, type Variant } from "./Variant.ts"
import { layerKeepAll, payload } from "./Workload.ts"

const few = 1_000
const many = (scale: Scale) => (scale.quick ? 50_000 : 1_000_000)

const groups = ["filesystem", "network", "computation"] as const
const Indexed = Schema.Struct({ index: Schema.Int, time: Schema.Finite, to: Schema.String, text: Schema.String })
const tasks = groups.flatMap((group) =>
  ["fetch", "resize", "hash", "count"].map((name) =>
    Task.make(`${name}-${group}`, { payload: Indexed, error: Schema.String, group, retry: "none" })
  )
)
/** Their jobs wait for ever: no worker has a handler for them. */
const isFinishing = (task: (typeof tasks)[number]) => task.name.startsWith("fetch") || task.name.startsWith("resize")

const handlers = Layer.mergeAll(
  Layer.empty,
  ...tasks
    .filter(isFinishing)
    .map((task) => task.toLayer(({ index }) => (index % 50 < 2 ? Effect.fail("one in fifty") : Effect.void)))
)

interface Sample {
  /** Ids from all over the store, in ascending order. */
  readonly ids: ReadonlyArray<JobId>
}

const sampleSize = 500

const fill = (jobs: number) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const ids: Array<JobId> = []
    for (let from = 0; from < jobs; from += 500) {
      const handles = yield* queue.enqueueAll(
        Array.from({ length: 500 }, (_, k) => {
          const index = from + k
          const options = { owner: `owner ${index % 10}`, tags: [`tag ${Math.floor(index / 10) % 10}`] }
          return request(tasks[index % tasks.length]!, payload(index), options)
        })
      )
      for (let k = 0; k < 500; k += Math.max(1, Math.floor(jobs / sampleSize) % 500)) ids.push(handles[k]!.id)
    }
    const every = ids.length / sampleSize
    return { ids: Array.from({ length: sampleSize }, (_, i) => ids[Math.floor(i * every)]!) } satisfies Sample
  })

const finishHalf = (jobs: number) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const done = Effect.map(queue.count({ states: ["completed", "failed"] }), ({ count }) => count)
    while ((yield* done) < jobs / 2) yield* Effect.sleep("20 millis")
    yield* verify("finished jobs", yield* done, jobs / 2)
    yield* verify("waiting jobs", (yield* queue.count({ states: ["pending"] })).count, jobs / 2)
  }).pipe(Effect.provide(Sluice.layerWorker({ slots: { "*": 100 } }).pipe(Layer.provideMerge(handlers))))

const filled = (jobs: number) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    for (const group of groups) yield* queue.setLimit(group, 100)
    const sample = yield* fill(jobs)
    yield* finishHalf(jobs)
    return sample
  })

/** The pages asked for, and what each job of them must be. */
const pages = ({ ids }: Sample): Readonly<Record<string, readonly [JobFilter, (job: JobRecord) => boolean]>> => {
  const from = Job.enqueuedAt(ids[Math.floor(sampleSize * 0.4)]!)
  const to = Job.enqueuedAt(ids[Math.floor(sampleSize * 0.9)]!)
  return {
    task: [{ tasks: [tasks[0]!.name] }, (job) => job.task === tasks[0]!.name],
    state: [{ states: ["completed"] }, (job) => job.state === "completed"],
    group: [{ groups: ["network"] }, (job) => job.group === "network"],
    owner: [{ owner: "owner 3" }, (job) => job.extra?.owner === "owner 3"],
    tag: [{ tag: "tag 7" }, (job) => job.extra?.tags?.includes("tag 7") === true],
    time: [{ from, to }, (job) => job.enqueuedAt >= from && job.enqueuedAt < to]
  }
}

const pageSize = 20

/** Microseconds per call, the median of many, each answer checked. */
const looked = (sample: Sample) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const timed = (call: (i: number) => Effect.Effect<void, unknown>) =>
      Effect.gen(function* () {
        const times: Array<number> = []
        for (let i = 0; i < 1000; i++) {
          const start = now()
          yield* call(i)
          if (i >= 500) times.push((now() - start) * 1000)
        }
        return median(times)
      })
    const figures: Record<string, number> = {}
    figures.id = yield* timed((i) => {
      const id = sample.ids[(i * 7919) % sampleSize]!
      return Effect.flatMap(queue.get(id), (job) => verify("the id found", job.id, id))
    })
    for (const [name, [filter, fits]] of Object.entries(pages(sample))) {
      figures[name] = yield* timed((i) => {
        const newest = i % 2 === 0
        // From the middle of the store outwards, where a walk that passes over others would have far to go.
        const cursor = filter.from === undefined ? { cursor: sample.ids[sampleSize / 2]! } : {}
        return Effect.flatMap(
          queue.list(filter, { limit: pageSize, order: newest ? "newest" : "oldest", ...cursor }),
          ({ jobs }) =>
            jobs.length === pageSize && jobs.every(fits)
              ? Effect.void
              : Effect.fail(new Unverified({ message: `a page by ${name} held ${jobs.length} jobs, or wrong ones` }))
        )
      })
    }
    return figures
  })

const inMemory = (size: (scale: Scale) => number) => (scale: Scale) =>
  Effect.flatMap(filled(size(scale)), looked).pipe(
    Effect.provide(Layer.provideMerge(Sluice.layerMemory({ maxFinished: 1e9 }), layerKeepAll))
  )

const inFile = (size: (scale: Scale) => number) => (scale: Scale) =>
  Effect.suspend(() => {
    const jobs = size(scale)
    const file = path.join(scale.folder, `look-up-${jobs}`, "jobs.db")
    const sampleFile = `${file}.sample.json`
    const layer = Sluice.layerSqlite({ path: file, thread: false })
    const ready = existsSync(sampleFile)
      ? Effect.sync(() => JSON.parse(readFileSync(sampleFile, "utf8")) as Sample)
      : filled(jobs).pipe(
          Effect.tap((sample) =>
            Effect.sync(() => {
              writeFileSync(`${sampleFile}.part`, JSON.stringify(sample))
              renameSync(`${sampleFile}.part`, sampleFile)
            })
          ),
          Effect.provide(Layer.provideMerge(Sluice.layerSqlite({ path: file }), layerKeepAll))
        )
    return Effect.flatMap(ready, (sample) => Effect.provide(looked(sample), layer))
  })

const labels = {
  id: "a job by id",
  task: "a page by task",
  state: "a page by state",
  group: "a page by group",
  owner: "a page by owner",
  tag: "a page by tag",
  time: "a page by time"
}

const figures = (store: string, size: string, against?: string): Variant["figures"] =>
  Object.fromEntries(
    Object.entries(labels).map(([key, label]) => [
      key,
      {
        label: `${store}: ${label} among ${size}`,
        unit: "µs",
        ...(against === undefined && { detail: true }),
        ...(against !== undefined && { against, target: { atMost: 2, of: "ratio" } })
      }
    ])
  )

const timeoutMs = 600_000

export const variants: ReadonlyArray<Variant> = [
  { name: "memory/look-up/few", figures: figures("memory", "1,000"), measure: inMemory(() => few) },
  {
    name: "memory/look-up/many",
    figures: figures("memory", "1,000,000", "memory/look-up/few"),
    measure: inMemory(many),
    timeoutMs
  },
  { name: "sqlite/look-up/few", figures: figures("SQLite", "1,000"), measure: inFile(() => few) },
  {
    name: "sqlite/look-up/many",
    figures: figures("SQLite", "1,000,000", "sqlite/look-up/few"),
    measure: inFile(many),
    timeoutMs
  }
]
