/**
 * What may live in the heap of this thread before V8 gives the process up.
 *
 * V8 tells only the sum of the old generation's limit and the largest young generation (`heap_size_limit`: 448 MiB
 * under `--max-old-space-size=256`, Node 24.21), so the old part is taken from where it was set, or reckoned from the
 * sum. Of it a whole semi-space must stay free: a collection that could not move the young generation into the old one
 * ends in "Reached heap limit" (`Heap::CanPromoteYoungAndExpandOldGeneration`, heap.cc; met at 232 of 256 MiB with 55
 * MiB of it young).
 */
import { resourceLimits } from "node:worker_threads"
import { getHeapStatistics } from "node:v8"

const bytesPerMiB = 1024 * 1024
/** The default on 64-bit systems; a young generation is up to three of them. */
const semiSpaceBytes = 64 * bytesPerMiB

const flag = (name: string, words: ReadonlyArray<string>): number | undefined => {
  const pattern = new RegExp(`^--${name.replaceAll("-", "[-_]")}=(\\d+)$`)
  // The last one counts.
  for (let i = words.length - 1; i >= 0; i--) {
    const found = pattern.exec(words[i]!)
    if (found !== null && Number(found[1]) > 0) return Number(found[1]) * bytesPerMiB
  }
  return undefined
}

/**
 * In bytes. `words`: V8's flags, the command line's after those of NODE_OPTIONS. `threadMb`: what the thread was given,
 * if it is one.
 */
export const usableHeap = (
  heapSizeLimit: number,
  words: ReadonlyArray<string>,
  threadMb: number | undefined
): number => {
  const set = threadMb === undefined ? flag("max-old-space-size", words) : threadMb * bytesPerMiB
  const old =
    set ?? Math.max(heapSizeLimit - 3 * (flag("max-semi-space-size", words) ?? semiSpaceBytes), heapSizeLimit / 2)
  return Math.max(old - Math.max(0, heapSizeLimit - old) / 3, old / 2)
}

/** Of this thread, in bytes. */
export const ownUsableHeap = (): number =>
  usableHeap(
    getHeapStatistics().heap_size_limit,
    [...(process.env.NODE_OPTIONS ?? "").split(/\s+/), ...process.execArgv],
    resourceLimits.maxOldGenerationSizeMb
  )
