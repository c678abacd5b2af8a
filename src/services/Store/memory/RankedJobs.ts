/**
 * Jobs in ascending order of a key, ties by id, in chunks. Appending in order and taking the first cost a few
 * nanoseconds; putting a job in between, or taking one out, costs a binary search and the move of half a chunk. A job's
 * key must not change while it is in here.
 */
import type { StoredJob } from "./StoredJob.ts"

const chunkSize = 512

export class RankedJobs {
  size = 0
  private readonly keyOf: (job: StoredJob) => number
  private chunks: Array<Array<StoredJob>> = [[]]
  /** Where the first chunk starts; what lies before was taken. */
  private head = 0
  /** The last job's key and id, or something above them. */
  private lastKey = -Infinity
  private lastId = -1

  constructor(keyOf: (job: StoredJob) => number) {
    this.keyOf = keyOf
  }

  /** The first, without taking it. */
  first(): StoredJob | undefined {
    return this.chunks[0]![this.head]
  }

  /** The first `count`, without taking them. */
  peek(count: number): ReadonlyArray<StoredJob> {
    const jobs: Array<StoredJob> = []
    for (let c = 0; c < this.chunks.length && jobs.length < count; c++) {
      const start = c === 0 ? this.head : 0
      jobs.push(...this.chunks[c]!.slice(start, start + count - jobs.length))
    }
    return jobs
  }

  /** In order. */
  *[Symbol.iterator](): Iterator<StoredJob> {
    for (let c = 0; c < this.chunks.length; c++) {
      const chunk = this.chunks[c]!
      for (let i = c === 0 ? this.head : 0; i < chunk.length; i++) yield chunk[i]!
    }
  }

  /** Takes the first. */
  shift(): StoredJob | undefined {
    const chunk = this.chunks[0]!
    const job = chunk[this.head]
    if (job === undefined) return undefined
    this.head++
    this.size--
    if (this.head === chunk.length) this.dropChunk(0)
    return job
  }

  add(job: StoredJob): void {
    const key = this.keyOf(job)
    if (key > this.lastKey || (key === this.lastKey && job.id > this.lastId)) {
      const chunk = this.chunks[this.chunks.length - 1]!
      if (chunk.length < chunkSize) chunk.push(job)
      else this.chunks.push([job])
      this.lastKey = key
      this.lastId = job.id
    } else {
      this.insert(job, key)
    }
    this.size++
  }

  /** Takes out a job that is in here. */
  remove(job: StoredJob): void {
    const key = this.keyOf(job)
    const c = this.chunkFor(key, job.id)
    const chunk = this.chunks[c]!
    const i = this.indexIn(c, key, job.id)
    if (chunk[i] !== job) throw new Error(`job ${job.id} is not where its key says`)
    chunk.splice(i, 1)
    this.size--
    if (chunk.length === (c === 0 ? this.head : 0)) this.dropChunk(c)
  }

  private dropChunk(c: number): void {
    if (c === 0) this.head = 0
    if (this.chunks.length > 1) {
      if (c === 0) this.chunks.shift()
      else this.chunks.splice(c, 1)
    } else {
      this.chunks[0]!.length = 0
      this.lastKey = -Infinity
      this.lastId = -1
    }
  }

  private insert(job: StoredJob, key: number): void {
    const c = this.chunkFor(key, job.id)
    const chunk = this.chunks[c]!
    chunk.splice(this.indexIn(c, key, job.id), 0, job)
    if (chunk.length >= 2 * chunkSize) {
      if (c === 0 && this.head > 0) {
        chunk.splice(0, this.head)
        this.head = 0
      }
      this.chunks.splice(c + 1, 0, chunk.splice(chunk.length >> 1))
    }
  }

  private isBefore(job: StoredJob, key: number, id: number): boolean {
    const own = this.keyOf(job)
    return own < key || (own === key && job.id < id)
  }

  /** The chunk that holds, or should hold, this key: the first whose last job is not before it, else the last chunk. */
  private chunkFor(key: number, id: number): number {
    let low = 0
    let high = this.chunks.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      const chunk = this.chunks[middle]!
      if (this.isBefore(chunk[chunk.length - 1]!, key, id)) low = middle + 1
      else high = middle
    }
    return low
  }

  private indexIn(c: number, key: number, id: number): number {
    const chunk = this.chunks[c]!
    let low = c === 0 ? this.head : 0
    let high = chunk.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.isBefore(chunk[middle]!, key, id)) low = middle + 1
      else high = middle
    }
    return low
  }
}
