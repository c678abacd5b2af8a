/** What a process knows of its memory, and what it does before it ends. */
export { collectTask, CollectionShape, isCollectTask } from "./CollectRequest.ts"
export type {
  CollectionReport,
  HeapSpace,
  MemorySnapshot,
  MemoryTrend,
  PressureState,
  Shrinkable
} from "./MemoryGate.ts"
export { type PressureLevel, slope } from "./policy/MemoryPressure.ts"
