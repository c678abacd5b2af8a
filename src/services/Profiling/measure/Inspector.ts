/** V8's CPU and allocation profiles of this thread, through the inspector. One at a time. */
import { Session } from "node:inspector"
import type { CpuProfile, HeapNode } from "../policy/ProfileTree.ts"

export class Inspector {
  private readonly session = new Session()

  /** Synchronous: the inspector of the own thread answers within the call. */
  private call<A>(method: string, parameters: object = {}): A {
    let answer: unknown
    let failure: Error | null = null
    this.session.post(method, parameters, (error: Error | null, result?: object) => {
      failure = error
      answer = result
    })
    if (failure !== null) throw failure
    return answer as A
  }

  /** `intervalUs`: between two samples of the CPU. `intervalBytes`: between two allocations sampled, on average. */
  start(intervalUs: number, intervalBytes: number): void {
    this.session.connect()
    this.call("Profiler.enable")
    this.call("Profiler.setSamplingInterval", { interval: intervalUs })
    this.call("HeapProfiler.enable")
    this.call("HeapProfiler.startSampling", {
      samplingInterval: intervalBytes,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true
    })
    this.call("Profiler.start")
  }

  stop(): { readonly cpu: CpuProfile; readonly heap: { readonly head: HeapNode } } {
    try {
      const { profile: cpu } = this.call<{ readonly profile: CpuProfile }>("Profiler.stop")
      const { profile: heap } = this.call<{ readonly profile: { readonly head: HeapNode } }>(
        "HeapProfiler.stopSampling"
      )
      return { cpu, heap }
    } finally {
      this.session.disconnect()
    }
  }
}
