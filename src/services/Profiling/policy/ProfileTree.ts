/** What a V8 CPU profile says: the hottest functions, a tree for a flame graph, and whose work each sample was. */

export interface CallFrame {
  readonly functionName: string
  readonly url: string
  /** From 0. */
  readonly lineNumber: number
}

/**
 * A profile as the inspector gives it (`Profiler.stop`), what of it is used. Times are microseconds of the monotonic
 * clock.
 */
export interface CpuProfile {
  readonly nodes: ReadonlyArray<{
    readonly id: number
    readonly callFrame: CallFrame
    readonly children?: ReadonlyArray<number>
  }>
  readonly startTime: number
  readonly endTime: number
  readonly samples?: ReadonlyArray<number>
  readonly timeDeltas?: ReadonlyArray<number>
}

export interface HotFunction {
  readonly name: string
  /** File and line, empty for V8's own. */
  readonly at: string
  /** Milliseconds in the function itself. */
  readonly selfMs: number
  /** And in what it called. */
  readonly totalMs: number
}

/** A node of the flame graph: `ms` with all below it. */
export interface FlameNode {
  readonly name: string
  readonly at: string
  readonly ms: number
  readonly selfMs: number
  readonly children: ReadonlyArray<FlameNode>
}

export interface OwnedTime {
  readonly owner: string
  readonly ms: number
  readonly hottest: ReadonlyArray<HotFunction>
}

export interface ProfileReading {
  readonly samples: number
  /** Milliseconds of samples in which the thread did something. */
  readonly busyMs: number
  /** Waiting for events; what V8 calls `(program)`, its own work and the system's between two callbacks, is neither. */
  readonly idleMs: number
  readonly programMs: number
  readonly gcMs: number
  readonly hottest: ReadonlyArray<HotFunction>
  /** By who was at work, the busiest first; time of nobody is left out. */
  readonly owners: ReadonlyArray<OwnedTime>
  readonly flame: FlameNode
}

/** Work that no task or context claims: the queue itself, timers, other code of the process. */
export const nobody = "(others)"

/** Parts of the flame graph below this share of the busy time are cut. */
const cutBelow = 0.001
const hottestKept = 20
const hottestPerOwner = 5

const fileOf = (url: string): string => url.replace(/^file:\/\//, "").replace(/^.*\/node_modules\//, "")

const placeOf = ({ lineNumber, url }: CallFrame): string => (url === "" ? "" : `${fileOf(url)}:${lineNumber + 1}`)

interface Growing {
  readonly name: string
  readonly at: string
  us: number
  selfUs: number
  readonly children: Map<string, Growing>
}

const growing = (name: string, at: string): Growing => ({ name, at, us: 0, selfUs: 0, children: new Map() })

const childOf = (parent: Growing, name: string, at: string): Growing => {
  const key = `${name} ${at}`
  let child = parent.children.get(key)
  if (child === undefined) {
    child = growing(name, at)
    parent.children.set(key, child)
  }
  return child
}

const settled = (node: Growing, least: number): FlameNode => ({
  name: node.name,
  at: node.at,
  ms: node.us / 1000,
  selfMs: node.selfUs / 1000,
  children: [...node.children.values()]
    .filter(({ us }) => us >= least)
    .sort((a, b) => b.us - a.us)
    .map((child) => settled(child, least))
})

interface Time {
  readonly name: string
  readonly at: string
  self: number
  total: number
}

const hottestOf = (times: ReadonlyMap<string, Time>, most: number): ReadonlyArray<HotFunction> =>
  [...times.values()]
    .filter(({ self }) => self > 0)
    .sort((a, b) => b.self - a.self)
    .slice(0, most)
    .map(({ at, name, self, total }) => ({ name, at, selfMs: self / 1000, totalMs: total / 1000 }))

/**
 * Reads a profile. `ownerAt` names who was at work at a time (microseconds of the profile's clock), or undefined; it is
 * asked with ascending times. `isOurs`: a frame the measuring itself brought in, left out of stacks.
 */
export const readProfile = (
  profile: CpuProfile,
  ownerAt: (at: number) => string | undefined,
  isOurs: (frame: CallFrame) => boolean = () => false
): ProfileReading => {
  const parents = new Map<number, number>()
  const frames = new Map<number, CallFrame>()
  for (const node of profile.nodes) {
    frames.set(node.id, node.callFrame)
    for (const child of node.children ?? []) parents.set(child, node.id)
  }
  const stacks = new Map<number, ReadonlyArray<{ readonly name: string; readonly at: string }>>()
  const stackOf = (id: number) => {
    const known = stacks.get(id)
    if (known !== undefined) return known
    const stack: Array<{ readonly name: string; readonly at: string }> = []
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = frames.get(at)!
      if (frame.functionName === "(root)" || isOurs(frame)) continue
      stack.push({ name: frame.functionName === "" ? "(anonymous)" : frame.functionName, at: placeOf(frame) })
    }
    stack.reverse()
    stacks.set(id, stack)
    return stack
  }

  const all = new Map<string, Time>()
  const byOwner = new Map<string, { us: number; readonly times: Map<string, Time> }>()
  const root = growing("all", "")
  const add = (
    times: Map<string, Time>,
    stack: ReadonlyArray<{ readonly name: string; readonly at: string }>,
    us: number
  ) => {
    const seen = new Set<string>()
    stack.forEach(({ at, name }, depth) => {
      const key = `${name} ${at}`
      let time = times.get(key)
      if (time === undefined) {
        time = { name, at, self: 0, total: 0 }
        times.set(key, time)
      }
      // Recursion counts once.
      if (!seen.has(key)) time.total += us
      seen.add(key)
      if (depth === stack.length - 1) time.self += us
    })
  }

  let [busy, idle, program, gc] = [0, 0, 0, 0]
  let at = profile.startTime
  const samples = profile.samples ?? []
  const deltas = profile.timeDeltas ?? []
  for (let i = 0; i < samples.length; i++) {
    at += deltas[i] ?? 0
    // A sample stands for the time until the next one.
    const us = i + 1 < samples.length ? Math.max(0, deltas[i + 1]!) : Math.max(0, profile.endTime - at)
    const { functionName } = frames.get(samples[i]!)!
    if (functionName === "(idle)" || functionName === "(program)") {
      if (functionName === "(idle)") idle += us
      else program += us
      continue
    }
    busy += us
    if (functionName === "(garbage collector)") gc += us
    const owner = ownerAt(at) ?? nobody
    const stack = stackOf(samples[i]!)
    add(all, stack, us)
    if (owner !== nobody) {
      let owned = byOwner.get(owner)
      if (owned === undefined) {
        owned = { us: 0, times: new Map() }
        byOwner.set(owner, owned)
      }
      owned.us += us
      add(owned.times, stack, us)
    }
    root.us += us
    let node = childOf(root, owner, "")
    node.us += us
    for (const frame of stack) {
      node = childOf(node, frame.name, frame.at)
      node.us += us
    }
    node.selfUs += us
  }
  return {
    samples: samples.length,
    busyMs: busy / 1000,
    idleMs: idle / 1000,
    programMs: program / 1000,
    gcMs: gc / 1000,
    hottest: hottestOf(all, hottestKept),
    owners: [...byOwner]
      .map(([owner, { times, us }]) => ({ owner, ms: us / 1000, hottest: hottestOf(times, hottestPerOwner) }))
      .sort((a, b) => b.ms - a.ms),
    flame: settled(root, busy * cutBelow)
  }
}

/** Folded stacks, `frame;frame;frame microseconds` a line: what flame graph programs read (B. Gregg's format). */
export const foldedStacks = (flame: FlameNode): ReadonlyArray<string> => {
  const lines: Array<string> = []
  const walk = (node: FlameNode, path: string) => {
    const frame = (node.at === "" ? node.name : `${node.name} (${node.at})`).replaceAll(";", ":")
    const here = path === "" ? frame : `${path};${frame}`
    const self = Math.round(node.selfMs * 1000)
    if (self > 0) lines.push(`${here} ${self}`)
    for (const child of node.children) walk(child, here)
  }
  for (const child of flame.children) walk(child, "")
  return lines
}

/** A sampled allocation profile as the inspector gives it (`HeapProfiler.stopSampling`). */
export interface HeapNode {
  readonly callFrame: CallFrame
  readonly selfSize: number
  readonly children: ReadonlyArray<HeapNode>
}

/** Bytes allocated by owner, by the innermost frame of the stack that `ownerOf` knows. */
export const allocatedByOwner = (
  head: HeapNode,
  ownerOf: (frame: CallFrame) => string | undefined
): ReadonlyMap<string, number> => {
  const sums = new Map<string, number>()
  const walk = (node: HeapNode, above: string) => {
    const owner = ownerOf(node.callFrame) ?? above
    if (node.selfSize > 0) sums.set(owner, (sums.get(owner) ?? 0) + node.selfSize)
    for (const child of node.children) walk(child, owner)
  }
  walk(head, nobody)
  return sums
}
