/** Where a stream goes on: from what its record says and which jobs of its chunks the store still has. */
import type { Position } from "../policy/ChunkCut.ts"
import type { FoundChunk } from "./ChunkJobs.ts"
import type { StreamRecord } from "./StreamRecord.ts"

export interface Resumption {
  /** Chunks under way, ascending. */
  readonly taken: ReadonlyArray<FoundChunk>
  /** The first chunk to cut, and where it begins; undefined: at the beginning. */
  readonly next: number
  readonly position: Position | undefined
  /** A job is missing in front of others, or of the end of the source: retention or an operator took it. */
  readonly isBroken: boolean
}

export const resumption = (record: StreamRecord, found: ReadonlyMap<number, FoundChunk>): Resumption => {
  const committed = new Map(record.beyond.map(({ chunk, to }) => [chunk, to]))
  const taken: Array<FoundChunk> = []
  let next = record.below
  let position: Position | undefined = record.position
  for (; ; next++) {
    const end = committed.get(next)
    const job = found.get(next)
    if (end === undefined && job === undefined) break
    position = end ?? job!.input.to
    if (end === undefined) taken.push(job!)
  }
  const last = [...found.keys(), ...committed.keys()].reduce((most, chunk) => Math.max(most, chunk), next - 1)
  return { taken, next, position, isBroken: next <= last || (record.total !== undefined && next < record.total) }
}
