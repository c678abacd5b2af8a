/** Computes for so many milliseconds, and says where. */
import { isMainThread } from "node:worker_threads"

export default (ms: number): { readonly inThread: boolean } => {
  const until = performance.now() + ms
  let x = 2
  while (performance.now() < until) x = Math.sqrt(x + 1)
  return { inThread: x > 0 && !isMainThread }
}
