/** The memory of this process, as Node, V8 and the kernel tell it. */
import { totalmem } from "node:os"
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8"
import type { MemoryProbe } from "../MemoryGate.ts"
import type { MemoryReading } from "../policy/MemoryPressure.ts"
import { collectAll } from "./Collector.ts"
import { containerMemory } from "./ContainerMemory.ts"
import { ownUsableHeap } from "./HeapLimit.ts"

/** Reading the container's files takes tens of microseconds: done so often at most, in milliseconds. */
const outsideEveryMs = 500

/** A probe of its own for each gate. */
export const makeProcessProbe = (): MemoryProbe => {
  const machineBytes = totalmem()
  const container = containerMemory(machineBytes)
  const heapLimitBytes = ownUsableHeap()
  const memoryLimitBytes = container?.limitBytes ?? machineBytes
  let memoryUsedBytes = 0
  let readAt = Number.NEGATIVE_INFINITY
  let loop = performance.eventLoopUtilization()

  const read = (): MemoryReading => {
    const heapUsedBytes = getHeapStatistics().used_heap_size
    const now = performance.now()
    if (now - readAt >= outsideEveryMs) {
      readAt = now
      memoryUsedBytes = container?.usedBytes() ?? process.memoryUsage.rss()
    }
    return { heapUsedBytes, heapLimitBytes, memoryUsedBytes, memoryLimitBytes }
  }

  return {
    read,
    nearestOutside: () => (container === undefined ? "machine" : "container"),
    snapshot: () => {
      const { arrayBuffers, external, rss } = process.memoryUsage()
      const heap = getHeapStatistics()
      return {
        heapUsedBytes: heap.used_heap_size,
        heapTotalBytes: heap.total_heap_size,
        spaces: getHeapSpaceStatistics().map(({ space_name, space_size, space_used_size }) => ({
          name: space_name,
          usedBytes: space_used_size,
          sizeBytes: space_size
        })),
        externalBytes: external,
        arrayBuffersBytes: arrayBuffers,
        rssBytes: rss,
        container:
          container === undefined
            ? undefined
            : { version: container.version, limitBytes: container.limitBytes, usedBytes: container.usedBytes() }
      }
    },
    collect: () => {
      readAt = Number.NEGATIVE_INFINITY
      return collectAll()
    },
    utilization: () => {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, loop)
      loop = now
      return utilization
    }
  }
}
