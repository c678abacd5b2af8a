/** What a worker asks the store for on behalf of its batch tasks. */
import type { TunedBatch } from "../../Batches/BatchTuning.ts"
import type { BatchClaim } from "../../Store/Turn.ts"
import type { AnyTask } from "../Task.ts"
import type { TaskRegistry } from "../TaskRegistry.ts"

export const tunedBatch = ({ batch, group, name }: AnyTask): TunedBatch => ({
  task: name,
  group: group.name,
  maxBatchSize: batch!.maxBatchSize,
  latencyMs: batch!.latencyMs
})

/** `nextSize`: what a tuned task's batches should hold now. Answers undefined, at once, where no task has batches. */
export const batchClaims = (
  registry: TaskRegistry["Service"],
  nextSize: (batch: TunedBatch) => number
): (() => ReadonlyArray<BatchClaim> | undefined) => {
  let version = -1
  let tasks: ReadonlyArray<AnyTask> = []
  const claimOf = (task: AnyTask): BatchClaim => {
    const { groupBy, maxBatchSize, maxWaitMs, tuned } = task.batch!
    return {
      task: task.name,
      size: tuned ? nextSize(tunedBatch(task)) : maxBatchSize,
      waitMs: maxWaitMs,
      keyed: groupBy !== undefined
    }
  }
  return () => {
    if (version !== registry.version()) {
      version = registry.version()
      tasks = registry.all().flatMap(({ _tag, task }) => (_tag === "Batch" ? [task] : []))
    }
    return tasks.length === 0 ? undefined : tasks.map(claimOf)
  }
}
