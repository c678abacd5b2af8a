/** Memory, handles and CPU time of this process, as a sample holds them. */
import { readdirSync } from "node:fs"
import type { ProcessSample } from "./SoakSamples.ts"

const descriptors = (): number => {
  try {
    return readdirSync("/proc/self/fd").length
  } catch {
    return 0
  }
}

/**
 * Collects garbage first (needs `--expose-gc`), so that the heap is what is still in use. Takes the time of a full
 * collection.
 */
export const processFigures = (): ProcessSample => {
  globalThis.gc?.()
  const { arrayBuffers, external, heapUsed, rss } = process.memoryUsage()
  const { system, user } = process.cpuUsage()
  const resources = process.getActiveResourcesInfo()
  const timers = resources.filter((kind) => kind === "Timeout").length
  return {
    heap: heapUsed,
    external: external + arrayBuffers,
    rss,
    resources: resources.length - timers,
    timers,
    descriptors: descriptors(),
    cpuMs: (user + system) / 1000
  }
}
