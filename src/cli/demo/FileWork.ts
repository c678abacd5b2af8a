/** Every file through the four tasks: put in, awaited, accounted for. */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import { Job, type JobHandle, QueueEvents, request, StoreError, TaskQueue } from "../../services/Queue/index.ts"
import { Progress } from "../terminal/Progress.ts"
import * as DemoTask from "./DemoTask.ts"
import { FileServer } from "./FileServer.ts"

/** What the completed jobs of each task add up to. */
export interface FileResults {
  readonly hashed: { readonly files: number; readonly bytes: number }
  readonly compressed: { readonly files: number; readonly bytes: number; readonly compressedBytes: number }
  readonly counted: { readonly files: number; readonly binaryFiles: number; readonly words: number }
  /** `changedFiles`: somebody changed them meanwhile, so that their digests say nothing. */
  readonly fetched: { readonly files: number; readonly bytes: number; readonly changedFiles: number }
}

export interface FailedJob {
  /** As people see it. */
  readonly id: string
  readonly task: string
  readonly file: string
  readonly message: string
}

export interface FileWork {
  readonly results: FileResults
  readonly failed: ReadonlyArray<FailedJob>
}

/** Feeds the display with starts and ends, as the worker of this process publishes them. */
const showProgress = Effect.gen(function* () {
  const events = yield* (yield* QueueEvents).subscribe
  const progress = yield* Progress
  yield* PubSub.take(events).pipe(
    Effect.flatMap((event) => {
      switch (event._tag) {
        case "Started":
          return progress.started(event.group)
        case "Completed":
        case "Failed":
        case "Cancelled":
          return progress.finished(event.group, { runMillis: event.runMs, failed: event._tag !== "Completed" })
        default:
          return Effect.void
      }
    }),
    Effect.forever,
    Effect.forkScoped
  )
})

const sum = <A>(items: ReadonlyArray<A>, of: (item: A) => number): number =>
  items.reduce((total, item) => total + of(item), 0)

/**
 * Works on `files`, absolute paths, and ends when every job has. Failed jobs are in the account; only a store that
 * fails fails it.
 */
export const workOn = (files: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const server = yield* FileServer
    const progress = yield* Progress
    const failed: Array<FailedJob> = []

    /** The results of the jobs that completed; the others go to `failed`. */
    const completed = <S, E extends { readonly message: string }, G>(
      task: string,
      handles: ReadonlyArray<JobHandle<S, E, G>>
    ) =>
      Effect.gen(function* () {
        const ends = yield* Effect.forEach(handles, (handle) => Effect.result(handle.await), {
          concurrency: "unbounded"
        })
        const successes: Array<S> = []
        for (const [i, end] of ends.entries()) {
          if (Result.isSuccess(end)) successes.push(end.success)
          else if (end.failure instanceof StoreError) return yield* end.failure
          else failed.push({ id: Job.formatJobId(handles[i]!.id), task, file: files[i]!, message: end.failure.message })
        }
        return successes
      })

    yield* showProgress
    for (const { group } of DemoTask.all) yield* progress.expect(group.name, files.length)

    const payloads = files.map((file) => ({ file }))
    const hashes = yield* queue.enqueueMany(DemoTask.HashFile, payloads)
    const compressions = yield* queue.enqueueMany(DemoTask.CompressFile, payloads)
    const counts = yield* queue.enqueueMany(DemoTask.CountWords, payloads)
    const fetches = yield* queue.enqueueAll(
      files.map((file, i) => {
        const hashJob = hashes[i]!.id
        return request(DemoTask.FetchFile, { file, url: server.url(i), hashJob }, { after: [hashJob] })
      })
    )
    const { compressed, counted, fetched, hashed } = yield* Effect.all(
      {
        hashed: completed(DemoTask.HashFile.name, hashes),
        compressed: completed(DemoTask.CompressFile.name, compressions),
        counted: completed(DemoTask.CountWords.name, counts),
        fetched: completed(
          DemoTask.FetchFile.name,
          fetches.map(({ id }) => queue.job(DemoTask.FetchFile, id))
        )
      },
      { concurrency: "unbounded" }
    )
    const work: FileWork = {
      failed,
      results: {
        hashed: { files: hashed.length, bytes: sum(hashed, ({ bytes }) => bytes) },
        compressed: {
          files: compressed.length,
          bytes: sum(compressed, ({ bytes }) => bytes),
          compressedBytes: sum(compressed, ({ compressedBytes }) => compressedBytes)
        },
        counted: {
          files: counted.length,
          binaryFiles: sum(counted, ({ isBinary }) => Number(isBinary)),
          words: sum(counted, ({ words }) => words)
        },
        fetched: {
          files: fetched.length,
          bytes: sum(fetched, ({ bytes }) => bytes),
          changedFiles: sum(fetched, ({ isSame }) => Number(!isSame))
        }
      }
    }
    return work
  }).pipe(Effect.scoped)
