/**
 * Keeps a stream's garbage within its memory limit. V8 lets dead objects of its old generation grow to some 150 MB
 * before it looks, however small what is alive; with a limit below that it is asked to look when that part of the heap
 * has grown by a share of the limit.
 */
import { Effect } from "effect"
import v8 from "node:v8"
import vm from "node:vm"

type Collect = (options: { readonly type: "major"; readonly execution: "async" }) => Promise<void>

/** Growth at which to collect. The rest is for the chunks under way and for the young generation. */
const share = 0.3

/** The collector as a function; V8 gives it to contexts made while the flag is set. Undefined where it is refused. */
const collector = (): Collect | undefined => {
  v8.setFlagsFromString("--expose-gc")
  const found: unknown = vm.runInNewContext("typeof gc === 'function' ? gc : undefined")
  v8.setFlagsFromString("--no-expose-gc")
  return found as Collect | undefined
}

const oldBytes = (): number =>
  v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")?.space_used_size ?? 0

/**
 * An effect to run now and then: about 10 µs when there is nothing to do, about 20 ms each time the growth is reached.
 */
export const heapBound = (memoryLimit: number): Effect.Effect<void> => {
  let collect: Collect | undefined
  let floor = oldBytes()
  return Effect.suspend(() => {
    const used = oldBytes()
    if (used < floor) floor = used
    if (used - floor < memoryLimit * share) return Effect.void
    collect ??= collector()
    if (collect === undefined) return Effect.void
    const collecting = collect({ type: "major", execution: "async" })
    return Effect.map(
      Effect.promise(() => collecting),
      () => {
        // What is alive is the program's; only growth beyond it is looked at again.
        floor = oldBytes()
      }
    )
  })
}
