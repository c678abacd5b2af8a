/** Jobs first in, first out, in chunks. Removed jobs are passed over when their turn comes. */
import { gone, type StoredJob } from "./StoredJob.ts"

const chunkSize = 1024

export class JobFifo {
  private readonly chunks: Array<Array<StoredJob>> = [[]]
  private head = 0
  /** Jobs in it, and removed ones whose turn has not come. */
  size = 0

  push(job: StoredJob): void {
    this.size++
    const chunk = this.chunks[this.chunks.length - 1]!
    if (chunk.length < chunkSize) chunk.push(job)
    else this.chunks.push([job])
  }

  /** The first, without taking it. */
  first(): StoredJob | undefined {
    for (;;) {
      const job = this.chunks[0]![this.head]
      if (job === undefined || job.state !== gone) return job
      this.shift()
    }
  }

  /** Puts the first behind the last. */
  rotate(): void {
    const job = this.first()
    if (job === undefined) return
    this.shift()
    this.push(job)
  }

  private shift(): void {
    const chunk = this.chunks[0]!
    this.head++
    this.size--
    if (this.head < chunk.length) return
    this.head = 0
    if (this.chunks.length > 1) this.chunks.shift()
    else chunk.length = 0
  }
}
