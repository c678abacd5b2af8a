/** Computes for so many milliseconds, and says where. */
import { threadId } from "node:worker_threads"

export default (ms: number): { readonly thread: number } => {
  const until = performance.now() + ms
  while (performance.now() < until);
  return { thread: threadId }
}
