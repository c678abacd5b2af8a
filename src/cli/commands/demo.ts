/** `sluice demo`, and `npm start` with nothing after it: real work on the files of the caller's folder. */
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { existsSync } from "node:fs"
import path from "node:path"
import { Job, QueueSettings, Sluice, TaskQueue, Worker } from "../../services/Queue/index.ts"
import * as DemoStore from "../demo/DemoStore.ts"
import * as DemoSummary from "../demo/DemoSummary.ts"
import * as DemoTask from "../demo/DemoTask.ts"
import * as FileServer from "../demo/FileServer.ts"
import * as FileWork from "../demo/FileWork.ts"
import { type FolderFilesError, listFolder, summarize } from "../demo/FolderFiles.ts"
import { lookFurther } from "../demo/LookFurther.ts"
import { fail } from "../Failure.ts"
import * as GlobalFlags from "../GlobalFlags.ts"
import { Invocation } from "../Invocation.ts"
import { json } from "../JobFlags.ts"
import { parseLocation } from "../OpenStore.ts"
import { output } from "../Output.ts"
import * as Settings from "../Settings.ts"
import { endedBy, Signals } from "../Signals.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import { Progress, progressMode } from "../terminal/Progress.ts"
import * as Sanitize from "../terminal/Sanitize.ts"

/**
 * A file that is not there yet: the one asked for, or one in the state folder. A demo's figures are of its own jobs
 * only.
 */
const newStore = Effect.gen(function* () {
  const { cwd } = yield* Invocation
  const asked = yield* GlobalFlags.Store
  if (Option.isNone(asked)) return yield* DemoStore.begin
  const location = yield* parseLocation(asked.value, "--store")
  if (location._tag === "Memory")
    return yield* fail("usage", "the demo shows the durable queue; name a file (--store) or none")
  const file = path.resolve(cwd, location.path)
  if (existsSync(file))
    return yield* fail("conflict", `${file} is there already; the demo begins a store of its own, name another or none`)
  if (!existsSync(path.dirname(file)))
    return yield* fail(
      "unreachable",
      `no folder ${path.dirname(file)} for the store; make it or name another (--store)`
    )
  return file
})

const folderFailure = (error: FolderFilesError) =>
  fail(error.reason === "NotReadable" ? "notAllowed" : "notFound", error.message)

const nothingDone: FileWork.FileWork = {
  failed: [],
  results: {
    hashed: { files: 0, bytes: 0 },
    compressed: { files: 0, bytes: 0, compressedBytes: 0 },
    counted: { files: 0, binaryFiles: 0, words: 0 },
    fetched: { files: 0, bytes: 0, changedFiles: 0 }
  }
}

export const command = Command.make(
  "demo",
  { json },
  Effect.fnUntraced(function* (flags) {
    const { cwd, env } = yield* Invocation
    const out = yield* output
    const settings = yield* Effect.flatMap(Settings.looking, ({ settings }) => Settings.toQueueSettings(settings))
    const listing = yield* Effect.mapError(listFolder(cwd), folderFailure)
    const store = yield* newStore
    for (const line of summarize(listing)) yield* out.note(line)
    yield* out.note(`store: ${Sanitize.line(store)}`)
    if (listing.files.length === 0) yield* out.note("no file to work on here; start it in a folder that has some")

    const files = listing.files.map((file) => path.join(listing.folder, file.path))
    const queueLayer = Sluice.layerSqlite({ path: store }).pipe(
      Layer.provideMerge(Layer.succeed(QueueSettings.Settings, settings))
    )
    const progress = Progress.layer({
      mode: progressMode({ quiet: out.quiet, lively: out.lively }),
      stdout: out.stdout,
      stderr: out.stderr,
      style: out.noteStyle
    })
    const worker = Sluice.layerWorker({ name: `demo:${process.pid}` }).pipe(
      Layer.provide(DemoTask.layer),
      Layer.provide(FetchHttpClient.layer)
    )

    /** The work, its worker and its display, which are gone when it ends. */
    const work = Effect.gen(function* () {
      const signals = yield* (yield* Signals).takeOver
      const { drain, hurry } = Context.get(yield* Layer.build(worker), Worker)
      const startedAt = yield* Clock.currentTimeMillis
      const working = yield* Effect.forkScoped(FileWork.workOn(files))
      const first = yield* Effect.raceFirst(
        Effect.map(Fiber.join(working), (done) => ({ _tag: "Done" as const, done })),
        Effect.map(Queue.take(signals), (signal) => ({ _tag: "Signal" as const, signal }))
      )
      if (first._tag === "Done") return { work: first.done, durationMs: (yield* Clock.currentTimeMillis) - startedAt }

      yield* (yield* Progress).print(
        "stderr",
        `sluice: letting running jobs finish, up to ${Duration.format(settings.grace)}; once more stops them now\n`
      )
      yield* Effect.raceAllFirst([drain, Queue.take(signals), Effect.sleep(settings.grace)])
      yield* hurry
      return first.signal
    }).pipe(Effect.scoped, Effect.provide([progress, FileServer.layer(files)]))

    yield* Effect.gen(function* () {
      const queue = yield* TaskQueue
      const end = files.length === 0 ? { work: nothingDone, durationMs: 0 } : yield* work
      if (typeof end === "string") {
        const { count } = yield* queue.count({ states: ["completed"] })
        yield* out.note(
          `sluice: stopped with ${HumanNumber.count(count)} of ${HumanNumber.count(4 * files.length)} jobs done; the rest waits in ${Sanitize.line(store)}`
        )
        return yield* endedBy(end)
      }
      const summary = yield* DemoSummary.summarize({ listing, store, ...end })
      if (flags.json) yield* out.json(DemoSummary.DemoSummary, summary)
      else if (summary.jobs > 0) {
        const width = out.stdout.isTerminal ? out.stdout.columns() : undefined
        const { jobs } = yield* queue.list({}, { limit: 1 })
        const tryOn = listing.files.slice(0, 3).map((file) => file.path)
        const last = jobs.map(({ id }) => Job.formatJobId(id))[0]
        yield* out.lines(["", ...DemoSummary.lines(summary, { width, style: out.style }), ""])
        yield* out.lines([
          out.style.bold("Look further:"),
          ...lookFurther({ env, cwd }, { store, jobId: last, files: tryOn }).map((line) => `  ${Sanitize.line(line)}`)
        ])
      }
      if (summary.failed > 0) {
        return yield* fail(
          "failure",
          `${HumanNumber.count(summary.failed)} of ${HumanNumber.count(summary.jobs)} jobs failed; the reasons are above and in ${store}`
        )
      }
    }).pipe(Effect.provide(queueLayer))
  })
).pipe(
  Command.withDescription(
    "Hashes, compresses, counts and fetches the files of this folder (at most 500 and 200 MB) through the durable queue, as `npm start` does."
  ),
  Command.withExamples([{ command: "sluice demo" }, { command: "sluice demo --json | jq .jobsPerSecond" }])
)
