/** Buffers used again: new ones for each chunk would lie about until the garbage collector looks beyond its heap. */
import { Effect, type Scope } from "effect"

const granule = 256 * 1024
/** Free buffers kept: what the chunks of a worker's slots use at once. */
const keptMost = 8

export class BlockPool {
  private readonly free: Array<Buffer> = []

  /** A buffer of at least so many bytes, until the scope closes. */
  take(bytes: number): Effect.Effect<Buffer, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => {
        const at = this.free.findIndex((block) => block.length >= bytes)
        if (at >= 0) return this.free.splice(at, 1)[0]!
        // One that is too small makes way, so that the pool does not fill with such.
        this.free.pop()
        return Buffer.allocUnsafeSlow(Math.ceil(bytes / granule) * granule)
      }),
      (block) =>
        Effect.sync(() => {
          if (this.free.length < keptMost) this.free.push(block)
        })
    )
  }
}
