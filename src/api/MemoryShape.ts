import * as Schema from "effect/Schema"
import { CollectionShape, type WorkerRecord } from "../services/Queue/index.ts"

/** A worker's memory as `memory status --json` shows it. Null: not told (yet). */
export const MemoryStatusShape = Schema.Struct({
  session: Schema.Int,
  name: Schema.String,
  pid: Schema.Int,
  lastBeat: Schema.String,
  pressure: Schema.NullOr(Schema.Literals(["ok", "elevated", "high", "critical"])),
  heapBytes: Schema.NullOr(Schema.Finite),
  heapLimitBytes: Schema.NullOr(Schema.Finite),
  rssBytes: Schema.NullOr(Schema.Finite)
})
export type MemoryStatusShape = typeof MemoryStatusShape.Type

/** Of all workers together, in one interval: the largest resident set and heap of a beat. */
export const MemoryHistoryShape = Schema.Struct({
  start: Schema.String,
  rssBytesPeak: Schema.Finite,
  heapBytesPeak: Schema.Finite
})

export const MemoryShape = Schema.Struct({
  workers: Schema.Array(MemoryStatusShape),
  spanMs: Schema.Finite,
  /** Bytes per hour by least squares over the peaks; null when they cover less than 5 minutes. */
  rssBytesPerHour: Schema.NullOr(Schema.Finite),
  heapBytesPerHour: Schema.NullOr(Schema.Finite),
  history: Schema.Array(MemoryHistoryShape)
})

/** What a worker answered to `memory gc`. */
export const MemoryCollectionShape = Schema.Struct({
  session: Schema.Int,
  name: Schema.String,
  ...CollectionShape.fields
})

export const toMemoryStatusShape = ({ lastBeat, load, name, pid, session }: WorkerRecord): MemoryStatusShape => ({
  session,
  name,
  pid,
  lastBeat: new Date(lastBeat).toISOString(),
  pressure: load?.pressure ?? null,
  heapBytes: load?.heapBytes ?? null,
  heapLimitBytes: load?.heapLimitBytes || null,
  rssBytes: load?.rssBytes ?? null
})
