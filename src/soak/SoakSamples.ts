/**
 * What a soak sees, line by line in a file beside its store: every line is written as it comes, so that a crash of the
 * soak loses none.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as OwnFile from "../files/OwnFile.ts"
import { fail } from "../cli/Failure.ts"

/** Bytes, counts and times of one process. Heap figures are read right after a full garbage collection. */
export const ProcessSample = Schema.Struct({
  heap: Schema.Finite,
  external: Schema.Finite,
  rss: Schema.Finite,
  /** `process.getActiveResourcesInfo()` without timers: sockets, pipes, threads' ports and the like. */
  resources: Schema.Int,
  /** Timers alone: one for every job that waits for something, and those of the queue itself. */
  timers: Schema.optionalKey(Schema.Int),
  /** Entries of /proc/self/fd; 0 where there is none. */
  descriptors: Schema.Int,
  /** CPU time of all threads since the process began, in milliseconds. */
  cpuMs: Schema.Finite
})
export type ProcessSample = typeof ProcessSample.Type

/** A mergeable histogram at rest: see `Histogram.pack`. */
export const PackedHistogram = Schema.Struct({
  count: Schema.Int,
  sum: Schema.Finite,
  max: Schema.Finite,
  buckets: Schema.Array(Schema.Finite)
})

/** Seconds of a part in which an answer came too late or not at all, and the longest time to one. */
export const Answers = Schema.Struct({ missed: Schema.Array(Schema.Int), longestMs: Schema.Finite })
export type Answers = typeof Answers.Type

/** What the queue decided by itself. */
export const Decided = Schema.Struct({
  by: Schema.Literals(["scaler", "tune", "batches", "alerts"]),
  /** The group whose slots or batches it is about, or the alert's rule and subject. */
  of: Schema.String,
  /** When, in milliseconds since 1970. */
  time: Schema.Finite,
  /** Slots, or jobs of a batch. */
  from: Schema.optionalKey(Schema.Int),
  to: Schema.optionalKey(Schema.Int),
  why: Schema.String,
  /** Its number in the store's journal, for what is kept there. */
  seq: Schema.optionalKey(Schema.Int),
  /** The worker process, for what each decides for itself. */
  pid: Schema.optionalKey(Schema.Int)
})
export type Decided = typeof Decided.Type

const role = Schema.Literals(["soak", "producer", "worker"])
export type Role = typeof role.Type

/** `elapsed`: milliseconds the run has been at work, over all its parts. `part` counts from 1. */
const at = { elapsed: Schema.Finite, part: Schema.Int }

export const SoakLine = Schema.Union([
  /** A part begins: its first job is number `from` of the plan. */
  Schema.Struct({
    type: Schema.tag("part"),
    ...at,
    startedAt: Schema.String,
    /** Of the sources, where they are a clone. */
    commit: Schema.optionalKey(Schema.String),
    from: Schema.Int,
    load: Schema.Finite
  }),
  Schema.Struct({
    type: Schema.tag("process"),
    ...at,
    role,
    pid: Schema.Int,
    ...ProcessSample.fields,
    /**
     * Attempts started since its last line, and how long their jobs had waited since they were enqueued (first attempts
     * only).
     */
    started: Schema.optionalKey(Schema.Int),
    waits: Schema.optionalKey(PackedHistogram)
  }),
  /** What the producer has sent: all jobs of the part below `low` are acknowledged. */
  Schema.Struct({
    type: Schema.tag("produced"),
    ...at,
    sent: Schema.Int,
    acknowledged: Schema.Int,
    low: Schema.Int,
    done: Schema.Boolean
  }),
  Schema.Struct({
    type: Schema.tag("store"),
    ...at,
    fileBytes: Schema.Finite,
    walBytes: Schema.Finite,
    live: Schema.Int,
    finished: Schema.Int,
    /** Since the store was made. */
    arrivals: Schema.Int,
    completed: Schema.Int,
    dead: Schema.Int,
    starts: Schema.Int,
    /** Attempts that ended with their worker. */
    recovered: Schema.Int
  }),
  /** A worker process ended: killed or stopped by plan, or by itself (`died`). */
  Schema.Struct({
    type: Schema.tag("fault"),
    ...at,
    what: Schema.Literals(["killed", "stopped", "died"]),
    pid: Schema.Int
  }),
  /** Seconds of the part that were asked about since the last line. */
  Schema.Struct({ type: Schema.tag("probes"), ...at, asked: Schema.Int, enqueue: Answers, claim: Answers }),
  Schema.Struct({ type: Schema.tag("decision"), ...at, ...Decided.fields }),
  /** A part ended in order, all it had enqueued settled. */
  Schema.Struct({ type: Schema.tag("end"), ...at, load: Schema.Finite })
])
export type SoakLine = typeof SoakLine.Type
export type LineOf<T extends SoakLine["type"]> = Extract<SoakLine, { readonly type: T }>

const Line = Schema.fromJsonString(SoakLine)
const encode = Schema.encodeSync(Line)
const decode = Schema.decodeUnknownOption(Line)

export const append = (file: string, line: SoakLine): void => OwnFile.append(file, `${encode(line)}\n`)

const missing = (): never => {
  throw new Error("there is no such file")
}

/** All lines in order. A line that the end of the process cut off is left out; anything else unreadable is an error. */
export const read = (file: string) =>
  Effect.gen(function* () {
    const text = yield* Effect.try({
      try: () => OwnFile.readText(file) ?? missing(),
      catch: () => fail("notFound", `${file} cannot be read; expected the folder of a soak`)
    })
    const texts = text.split("\n").filter((line) => line !== "")
    const lines: Array<SoakLine> = []
    for (const [i, text] of texts.entries()) {
      const line = decode(text)
      if (line._tag === "Some") lines.push(line.value)
      else if (i < texts.length - 1)
        return yield* fail("failure", `${file}:${i + 1} is not a line of a soak's samples; the file is damaged`)
    }
    return lines
  })
