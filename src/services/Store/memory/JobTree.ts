/**
 * Jobs in ascending order of id, in leaves of up to 128 jobs and branches of up to 32 leaves. Ids only grow, so a new
 * job is appended; where one comes from another tree, leaves and branches may be fuller. Every node counts its jobs by
 * state: a walk that wants the failed ones among a million skips what has none. Removed jobs stay in their leaf until
 * most of it is gone.
 */
import type { JobId } from "../../Queue/Job.ts"
import { gone, type StoredJob } from "./StoredJob.ts"

const leafSize = 128
/** Few, since a walk passes over half of them on average before it finds the first job of a rare state. */
const branchSize = 32
/**
 * Removed jobs a leaf may hold. Not half of it: most jobs go in order, leaf by leaf, and then nothing has to be moved.
 */
const goneMost = 96

type Counts = [number, number, number, number, number, number]
const zeros = (): Counts => [0, 0, 0, 0, 0, 0]

export class Leaf {
  readonly branch: Branch
  readonly counts = zeros()
  firstId: number
  jobs: Array<StoredJob> = []
  gone = 0

  constructor(branch: Branch, firstId: number) {
    this.branch = branch
    this.firstId = firstId
  }
}

class Branch {
  readonly counts = zeros()
  firstId: number
  readonly leaves: Array<Leaf> = []

  constructor(firstId: number) {
    this.firstId = firstId
  }
}

/** The last node that starts at or before `id`; -1 when all start after it. */
const lastAtOrBefore = (nodes: ReadonlyArray<{ readonly firstId: number }>, id: number): number => {
  let low = -1
  let high = nodes.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (nodes[middle]!.firstId <= id) low = middle
    else high = middle - 1
  }
  return low
}

export class JobTree {
  /** What it is the index of; for whoever keeps many. */
  readonly name: string
  readonly branches: Array<Branch> = []
  private tail: Leaf | undefined = undefined
  /** Where the last look-up ended: a batch is settled in the order it was claimed. */
  private hint: Leaf | undefined = undefined

  constructor(name: string) {
    this.name = name
  }

  /** The leaf that takes the next job, whose id is `id`. */
  leafForNext(id: number): Leaf {
    const tail = this.tail
    return tail !== undefined && tail.jobs.length < leafSize ? tail : this.grow(id)
  }

  private grow(id: number): Leaf {
    let branch = this.branches[this.branches.length - 1]
    if (branch === undefined || branch.leaves.length === branchSize) {
      branch = new Branch(id)
      this.branches.push(branch)
    }
    const leaf = new Leaf(branch, id)
    branch.leaves.push(leaf)
    this.tail = leaf
    return leaf
  }

  find(id: JobId): StoredJob | undefined {
    const hint = this.hint
    if (hint !== undefined && id >= hint.firstId) {
      const job = hint.jobs[Math.min(id - hint.firstId, hint.jobs.length - 1)]
      if (job !== undefined && job.id === id) return job.state === gone ? undefined : job
    }
    const leaf = this.leafOf(id)
    if (leaf === undefined) return undefined
    const job = leaf.jobs[lowerBound(leaf.jobs, id)]
    return job !== undefined && job.id === id && job.state !== gone ? job : undefined
  }

  /** The leaf that holds the id, if any does. */
  leafOf(id: JobId): Leaf | undefined {
    const hint = this.hint
    if (hint !== undefined && id >= hint.firstId && id <= hint.jobs[hint.jobs.length - 1]!.id) return hint
    const branch = this.branches[lastAtOrBefore(this.branches, id)]
    const leaf = branch?.leaves[lastAtOrBefore(branch.leaves, id)]
    if (leaf !== undefined) this.hint = leaf
    return leaf
  }

  /** Puts another record in the place of one with the same id. */
  replace(old: StoredJob, job: StoredJob): void {
    const leaf = this.leafOf(old.id)!
    leaf.jobs[leaf.jobs.indexOf(old)] = job
  }

  /**
   * Adds a job, whatever its id, and counts it. `moved` hears of each job, this one too, that is in another leaf now.
   */
  insert(job: StoredJob, moved?: (job: StoredJob, leaf: Leaf) => void): void {
    const leaf = this.leafFor(job.id)
    leaf.jobs.splice(lowerBound(leaf.jobs, job.id), 0, job)
    countIn(leaf, job.state)
    moved?.(job, leaf)
    if (leaf.jobs.length >= 2 * leafSize) this.split(leaf, moved)
  }

  private leafFor(id: JobId): Leaf {
    const last = this.branches.at(-1)?.leaves.at(-1)
    if (last === undefined || id > last.jobs.at(-1)!.id) return this.leafForNext(id)
    const branch = this.branches[Math.max(0, lastAtOrBefore(this.branches, id))]!
    const leaf = branch.leaves[Math.max(0, lastAtOrBefore(branch.leaves, id))]!
    branch.firstId = Math.min(branch.firstId, id)
    leaf.firstId = Math.min(leaf.firstId, id)
    return leaf
  }

  private split(leaf: Leaf, moved: ((job: StoredJob, leaf: Leaf) => void) | undefined): void {
    const { branch } = leaf
    const jobs = leaf.jobs.splice(leaf.jobs.length >> 1)
    const next = new Leaf(branch, jobs[0]!.id)
    next.jobs = jobs
    branch.leaves.splice(branch.leaves.indexOf(leaf) + 1, 0, next)
    if (this.tail === leaf) this.tail = next
    for (const job of jobs) {
      if (job.state === gone) {
        leaf.gone--
        next.gone++
      } else {
        leaf.counts[job.state]!--
        next.counts[job.state]!++
        moved?.(job, next)
      }
    }
    if (leaf.gone === leaf.jobs.length) this.dropLeaf(leaf)
    if (next.gone === next.jobs.length) this.dropLeaf(next)
  }

  /** Takes out a job, which goes on elsewhere. */
  take(job: StoredJob): void {
    const leaf = this.leafOf(job.id)!
    leaf.jobs.splice(leaf.jobs.indexOf(job), 1)
    countOut(leaf, job.state)
    if (leaf.gone === leaf.jobs.length) this.dropLeaf(leaf)
  }

  /** Lets go of a job in this leaf that was just marked `gone`. */
  forget(leaf: Leaf): void {
    leaf.gone++
    if (leaf.gone === leaf.jobs.length) this.dropLeaf(leaf)
    else if (leaf.gone > goneMost) {
      leaf.jobs = leaf.jobs.filter((kept) => kept.state !== gone)
      leaf.gone = 0
    }
  }

  private dropLeaf(leaf: Leaf): void {
    const { branch } = leaf
    branch.leaves.splice(branch.leaves.indexOf(leaf), 1)
    if (branch.leaves.length === 0) this.branches.splice(this.branches.indexOf(branch), 1)
    if (this.tail === leaf) this.tail = undefined
    if (this.hint === leaf) this.hint = undefined
  }

  /** How many jobs are in the given states. Adds up branches, each of up to 4,096 jobs. */
  count(states: ReadonlyArray<number>): number {
    let total = 0
    for (const branch of this.branches) total += totalOf(branch.counts, states)
    return total
  }

  get isEmpty(): boolean {
    return this.branches.length === 0
  }
}

export const countIn = (leaf: Leaf, state: number): void => {
  leaf.counts[state]!++
  leaf.branch.counts[state]!++
}

export const countOut = (leaf: Leaf, state: number): void => {
  leaf.counts[state]!--
  leaf.branch.counts[state]!--
}

/** The first job whose id is not below `id`. */
const lowerBound = (jobs: ReadonlyArray<StoredJob>, id: number): number => {
  let low = 0
  let high = jobs.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (jobs[middle]!.id < id) low = middle + 1
    else high = middle
  }
  return low
}

const totalOf = (counts: Counts, states: ReadonlyArray<number>): number => {
  let total = 0
  for (const state of states) total += counts[state]!
  return total
}

/** A walk over a tree in one direction, over the jobs in the given states only. Holds good until the tree changes. */
export class JobCursor {
  /** Where it stands; undefined at the end. */
  job: StoredJob | undefined = undefined
  private readonly tree: JobTree
  private readonly step: 1 | -1
  private readonly states: ReadonlyArray<number>
  private b: number
  private l = -1
  private i = -1

  /** Starts at the first job with an id of at least `bound`, or, backwards, at the last one below it. */
  constructor(tree: JobTree, order: "newest" | "oldest", bound: number, states: ReadonlyArray<number>) {
    this.tree = tree
    this.step = order === "oldest" ? 1 : -1
    this.states = states
    this.b = lastAtOrBefore(tree.branches, bound)
    const branch = tree.branches[this.b]
    if (branch !== undefined) {
      this.l = lastAtOrBefore(branch.leaves, bound)
      const leaf = branch.leaves[this.l]
      if (leaf !== undefined) this.i = lowerBound(leaf.jobs, bound)
    }
    // Forwards the walk stands on the bound; both ways it stands one before the first job to look at.
    if (this.step === 1) this.i--
    this.advance()
  }

  advance(): void {
    const { branches } = this.tree
    for (;;) {
      const branch = branches[this.b]
      if (branch !== undefined && totalOf(branch.counts, this.states) > 0) {
        const leaf = branch.leaves[this.l]
        if (leaf !== undefined && totalOf(leaf.counts, this.states) > 0) {
          for (this.i += this.step; this.i >= 0 && this.i < leaf.jobs.length; this.i += this.step) {
            const job = leaf.jobs[this.i]!
            if (this.states.includes(job.state)) {
              this.job = job
              return
            }
          }
        }
        this.l += this.step
        const next = branch.leaves[this.l]
        if (next !== undefined) {
          this.i = this.step === 1 ? -1 : next.jobs.length
          continue
        }
      }
      this.b += this.step
      const next = branches[this.b]
      if (next === undefined) {
        this.job = undefined
        return
      }
      this.l = this.step === 1 ? 0 : next.leaves.length - 1
      this.i = this.step === 1 ? -1 : next.leaves[this.l]!.jobs.length
    }
  }
}
