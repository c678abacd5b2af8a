/** Reads V8's CPU profiles. */
import type { Profiler } from "node:inspector"

/**
 * Share of all samples inside the named functions of the files that match, callees included; the idle and the garbage
 * count as samples.
 */
export const callsShare = (profile: Profiler.Profile, file: RegExp, functions: ReadonlyArray<string>): number => {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  let all = 0
  let within = 0
  const visit = (node: Profiler.ProfileNode, inside: boolean): void => {
    const { functionName, url } = node.callFrame
    const here = inside || (functions.includes(functionName) && file.test(url))
    all += node.hitCount ?? 0
    if (here) within += node.hitCount ?? 0
    for (const child of node.children ?? []) visit(nodes.get(child)!, here)
  }
  const root = profile.nodes[0]
  if (root !== undefined) visit(root, false)
  return all === 0 ? 0 : within / all
}
