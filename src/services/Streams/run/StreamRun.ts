/**
 * One run of a stream. One fiber cuts the source and enqueues chunks while the window has room; this one hears how they
 * end, puts their results into the sink, makes the sink durable and then the record. A crash between the two costs what
 * was written after the last record: it is cut off and written again.
 */
import { Effect, Latch, Queue, type Scope } from "effect"
import path from "node:path"
import type { CutSettings, Position } from "../policy/ChunkCut.ts"
import { type Flight, StreamWindow } from "../policy/StreamWindow.ts"
import type { JobId } from "../../Queue/Job.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import type { ChunkInput } from "../StreamChunk.ts"
import {
  ChunkFailed,
  SourceChanged,
  StreamError,
  type StreamOptions,
  type StreamReport
} from "../../Queue/StreamProcessor.ts"
import { type ChunkEnd, chunkJobs } from "./ChunkJobs.ts"
import type { ChunkSource } from "./ChunkSource.ts"
import { fileSource } from "./FileSource.ts"
import { heapBound } from "./HeapBound.ts"
import { itemSource } from "./ItemSource.ts"
import { resumption } from "./Resumption.ts"
import { openSink } from "./SinkWriter.ts"
import { StreamFiles } from "./StreamFiles.ts"
import * as Record from "./StreamRecord.ts"
import { freshRun, openState, removeSpooled } from "./StreamState.ts"

/** The settings of a processor, in numbers. */
export interface RunSettings {
  readonly chunkSize: number
  readonly maxChunkBytes: number
  readonly maxItemBytes: number
  readonly maxOutputBytes: number
  readonly memoryLimit: number
  /** `Infinity` without back-pressure. */
  readonly maxChunks: number
  readonly maxBytes: number
}

interface Info {
  readonly job: JobId
  readonly from: Position
  readonly to: Position
}

type Event =
  | { readonly _tag: "Ended"; readonly chunk: number; readonly end: ChunkEnd }
  | { readonly _tag: "Cut"; readonly total: number }
  | { readonly _tag: "Broken"; readonly error: StreamError | StoreError }

/** Numbers of skipped chunks a record keeps. */
const skippedKept = 100

export const runStream = <A, O, E, R>(settings: RunSettings, options: StreamOptions<A, O, E, R>) =>
  Effect.gen(function* () {
    const { name, onChunkFailure = "stop", order = "source", task } = options
    const files = yield* StreamFiles
    const scope = yield* Effect.scope
    const jobs = yield* chunkJobs(task, name)
    const known = yield* openState(options, jobs.cancel)
    const { lock, spool, state } = known
    let { record } = known
    const resumedAt = record.below + record.beyond.length

    const report = (peakChunks: number, peakBytes: number): StreamReport => ({
      name,
      finished: record.total === record.below,
      chunks: record.below + record.beyond.length,
      items: record.items,
      results: record.results,
      skipped: record.skipped,
      skippedChunks: record.skippedChunks,
      sinkBytes: record.sinkBytes,
      resumedAt,
      peakChunks,
      peakBytes
    })
    if (record.total === record.below) {
      yield* Effect.ignore(files.remove(spool))
      return report(0, 0)
    }

    yield* Effect.mapError(files.makeFolder(spool, "own"), Record.stateFailed(spool))
    const sink = yield* openSink(
      options.sink._tag === "CustomSink" ? options.sink : { ...options.sink, path: path.resolve(options.sink.path) },
      task.output,
      spool,
      record.sinkBytes
    )

    // What is in the store --------------------------------------------------------------------------------------------

    const window = new StreamWindow<Info, ChunkEnd>(
      { maxChunks: settings.maxChunks, maxBytes: settings.maxBytes, order },
      record.below,
      record.beyond.map(({ chunk }) => chunk)
    )
    const ends = new Map<number, Position>(record.beyond.map(({ chunk, to }) => [chunk, to]))
    const events = yield* Queue.unbounded<Event>()
    const room = yield* Latch.make(true)

    const watch = (chunk: number, bytes: number, info: Info) => {
      window.add(chunk, bytes, info)
      return jobs.end(info.job).pipe(
        Effect.matchEffect({
          onSuccess: (end) => Queue.offer(events, { _tag: "Ended", chunk, end }),
          onFailure: (error) => Queue.offer(events, { _tag: "Broken", error })
        }),
        Effect.forkIn(scope)
      )
    }

    const found = resumption(record, yield* jobs.found(record.run, record.below))
    if (found.isBroken) {
      // What is not committed is cut anew, under keys of its own.
      yield* jobs.cancel(record.run)
      const { total: _, ...rest } = record
      record = { ...rest, run: yield* freshRun }
      yield* Record.save(state, record)
    }
    const { next, position, taken } = found.isBroken
      ? { next: record.below, position: record.position, taken: [] }
      : found
    const { run } = record
    for (const { id, input, state: jobState } of taken) {
      if (onChunkFailure === "stop" && (jobState === "failed" || jobState === "cancelled")) yield* jobs.retry(id)
      yield* watch(input.chunk, input.to.bytes - input.from.bytes, { job: id, from: input.from, to: input.to })
    }
    yield* removeSpooled(spool, (chunk) => chunk < record.below || ends.has(chunk))

    // Cutting ---------------------------------------------------------------------------------------------------------

    const changed = (how: string) =>
      new StreamError({
        reason: new SourceChanged({
          message: `The source of stream ${name} is not the one it began with: ${how}. Put it back, or start anew with restart: true`
        })
      })

    const cuts: CutSettings = {
      size: settings.chunkSize,
      maxBytes: settings.maxChunkBytes,
      maxRecordBytes: settings.maxItemBytes
    }
    const openSource: Effect.Effect<ChunkSource, StreamError, R | Scope.Scope> = Effect.suspend(() => {
      const { source } = options
      if (source._tag !== "Items") return fileSource({ ...source, path: path.resolve(source.path) }, cuts, position)
      const maxBytes = Math.min(cuts.maxBytes, jobs.maxInlineBytes)
      const maxRecordBytes = Math.min(cuts.maxRecordBytes, maxBytes)
      return itemSource(source, task.item, { ...cuts, maxBytes, maxRecordBytes }, position)
    })

    const openSameSource = Effect.gen(function* () {
      const source = yield* openSource
      if (record.source === undefined) {
        record = { ...record, source: source.identity }
        yield* Record.save(state, record)
      } else if (record.source !== source.identity) {
        return yield* changed(`${record.source} then, ${source.identity} now`)
      }
      return source
    })

    const cutAll = Effect.fnUntraced(function* (source: ChunkSource) {
      for (let chunk = next; ; chunk++) {
        const cut = yield* source.next
        if (cut === undefined) return chunk
        const committed = ends.get(chunk)
        if (committed !== undefined) {
          // Committed out of order before a job in front of it was lost: cut again only to get past it.
          if (committed.bytes === cut.to.bytes) continue
          return yield* changed(`chunk ${chunk} ended at byte ${committed.bytes} then, at ${cut.to.bytes} now`)
        }
        while (!window.admits(cut.bytes)) {
          room.closeUnsafe()
          yield* room.await
        }
        const input: ChunkInput = {
          stream: name,
          run,
          chunk,
          from: cut.from,
          to: cut.to,
          source: cut.source,
          spool,
          maxOutputBytes: settings.maxOutputBytes
        }
        const job = yield* jobs.enqueue(input)
        yield* watch(chunk, cut.bytes, { job, from: cut.from, to: cut.to })
      }
    })

    // Committing ------------------------------------------------------------------------------------------------------

    const dead = ({ chunk, end, info }: Flight<Info, ChunkEnd>) =>
      new StreamError({
        reason: new ChunkFailed({
          message: `Chunk ${chunk} of stream ${name} (from line ${info.from.line}, job ${jobs.nameOf(info.job)}): ${
            end?._tag === "Dead" ? end.message : "no result"
          }. Mend the cause and run the stream again: it begins with this chunk`,
          chunk,
          job: info.job,
          line: info.from.line
        })
      })

    const boundHeap = heapBound(settings.memoryLimit)
    let saved: Record.StreamRecord | undefined
    const commit = (ready: ReadonlyArray<Flight<Info, ChunkEnd>>) =>
      Effect.gen(function* () {
        if (ready.length === 0) return
        yield* lock.check
        let { items, results, skipped, skippedChunks } = record
        for (const { chunk, end } of ready) {
          if (end?._tag === "Done") {
            yield* sink.append(chunk, end.output)
            items += end.output.items
            results += end.output.results
          } else {
            skipped++
            if (skippedChunks.length < skippedKept) skippedChunks = [...skippedChunks, chunk]
          }
        }
        const sinkBytes = yield* sink.commit
        for (const { chunk, info } of ready) ends.set(chunk, info.to)
        window.committed(ready)
        let reached = record.position
        for (let chunk = record.below; chunk < window.below; chunk++) {
          reached = ends.get(chunk) ?? reached
          ends.delete(chunk)
        }
        const beyond = window.after.map((chunk) => ({ chunk, to: ends.get(chunk)! }))
        record = {
          ...record,
          below: window.below,
          ...(reached === undefined ? {} : { position: reached }),
          beyond,
          items,
          results,
          skipped,
          skippedChunks,
          sinkBytes
        }
        yield* Record.save(state, record)
        saved = record
        for (const { end } of ready) {
          if (end?._tag === "Done" && end.output.lines._tag === "Spooled") {
            yield* Effect.ignore(files.remove(path.join(spool, end.output.lines.file)))
          }
        }
        yield* boundHeap
        room.openUnsafe()
        if (options.onCommit !== undefined) yield* options.onCommit(report(window.peakChunks, window.peakBytes))
      })

    /** Commits what may be; with `"stop"` only what comes before the first dead chunk, and fails with that. */
    const advance = Effect.suspend(() => {
      const ready = window.ready()
      if (onChunkFailure === "skip") return commit(ready)
      const first = ready.findIndex(({ end }) => end?._tag === "Dead")
      if (first < 0) return commit(ready)
      const alive = order === "source" ? ready.slice(0, first) : ready.filter(({ end }) => end?._tag === "Done")
      return Effect.andThen(commit(alive), Effect.fail(dead(ready[first]!)))
    })

    let total = record.total
    // A file is checked also when it is cut to its end: chunks under way still read it.
    const source = total === undefined || options.source._tag !== "Items" ? yield* openSameSource : undefined
    if (total === undefined && source !== undefined) {
      yield* cutAll(source).pipe(
        Effect.matchEffect({
          onSuccess: (all) => Queue.offer(events, { _tag: "Cut", total: all }),
          onFailure: (error) => Queue.offer(events, { _tag: "Broken", error })
        }),
        Effect.forkIn(scope)
      )
    }
    while (total === undefined || window.below < total) {
      let broken: StreamError | StoreError | undefined
      for (const event of yield* Queue.takeAll(events)) {
        if (event._tag === "Ended") window.end(event.chunk, event.end)
        else if (event._tag === "Broken") broken = event.error
        else {
          total = event.total
          record = { ...record, total }
        }
      }
      yield* advance
      if (broken !== undefined) return yield* broken
    }
    // When the end of the source was found only after the last commit.
    if (saved !== record) yield* Record.save(state, record)
    yield* Effect.ignore(files.remove(spool))
    return report(window.peakChunks, window.peakBytes)
  }).pipe(Effect.scoped)
