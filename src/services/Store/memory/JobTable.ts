/**
 * All jobs and the indexes they are found by: by id, by lane (task and group), by label (owner, team, tag, partition
 * key, batch key) where they have one. It keeps the counts by state; what a state means is the business of `JobLife`.
 */
import { idsPerMillisecond, type JobId, jobIdFloor, type JobRecord } from "../../Queue/Job.ts"
import type { Count, JobFilter, Page, PageRequest } from "../JobQuery.ts"
import type { NewJob } from "../Turn.ts"
import type { RollUpRecorder } from "../../Queue/policy/RollUps.ts"
import { countIn, countOut, JobCursor, JobTree } from "./JobTree.ts"
import { Group, Lane } from "./Lane.ts"
import { boundsBacklogs } from "../../Limits/policy/KeyRules.ts"
import { labelsOf, labelsOfFilter } from "../../Queue/policy/jobs/Labels.ts"
import { isWaiting, pending, running, scheduled, stateCode, stateNames } from "../../Queue/policy/jobs/States.ts"
import { gone, newStored, recordOf, renewed, type StoredJob } from "./StoredJob.ts"

const waitingStates: ReadonlyArray<number> = [scheduled, pending]
const allStates: ReadonlyArray<number> = [0, 1, 2, 3, 4, 5]

/** Counting by other than maintained counters stops here. */
const countMost = 10_000

export class JobTable {
  readonly groups = new Map<string, Group>()
  /** Jobs that are scheduled, pending or running. */
  live = 0
  /** Milliseconds since 1970 from which the records' times count. */
  readonly epoch: number
  private readonly byId = new JobTree("")
  private readonly labels = new Map<string, JobTree>()
  private readonly recorder: RollUpRecorder
  private lastId = 0
  private lastLane: Lane | undefined = undefined

  constructor(epoch: number, recorder: RollUpRecorder) {
    this.epoch = epoch
    this.recorder = recorder
  }

  group(name: string): Group {
    let group = this.groups.get(name)
    if (group === undefined) {
      group = new Group(name)
      this.groups.set(name, group)
    }
    return group
  }

  /** False, and nothing is done, while it has jobs. */
  removeGroup(name: string): boolean {
    const lanes = this.groups.get(name)?.lanes.values() ?? []
    for (const { jobs } of lanes) if (jobs.count(allStates) > 0) return false
    this.groups.delete(name)
    this.lastLane = undefined
    return true
  }

  lane(groupName: string, task: string): Lane {
    const last = this.lastLane
    if (last !== undefined && last.task === task && last.group.name === groupName) return last
    const group = this.group(groupName)
    let lane = group.lanes.get(task)
    if (lane === undefined) {
      lane = new Lane(task, group, this.recorder.cell(groupName, task))
      group.lanes.set(task, lane)
    }
    this.lastLane = lane
    return lane
  }

  /** Stores a new job in the given state. */
  add(job: NewJob, now: number, state: number): StoredJob {
    const lane = this.lane(job.group, job.task)
    const id = Math.max(this.lastId + 1, Math.floor(now) * idsPerMillisecond) as JobId
    this.lastId = id
    const leaf = lane.jobs.leafForNext(id)
    const stored = newStored(job, id, lane, leaf, state, now, this.epoch)
    leaf.jobs.push(stored)
    countIn(leaf, state)
    this.byId.leafForNext(id).jobs.push(stored)
    if (state <= 2) this.live++
    if (stored.rare !== undefined) {
      this.label(stored)
      this.countBacklog(stored, state, 1)
    }
    return stored
  }

  /** Counts a job in the backlog of its key, where that is bounded. */
  private countBacklog({ lane, rare }: StoredJob, state: number, by: number): void {
    const { limits } = lane.group
    const key = rare?.partitionKey
    if (limits?.backlogs === undefined || key === undefined || !isWaiting(state)) return
    const count = (limits.backlogs.get(key) ?? 0) + by
    if (count === 0) limits.backlogs.delete(key)
    else limits.backlogs.set(key, count)
  }

  /** Jobs of a group that are scheduled or pending. */
  waitingIn(group: Group): number {
    let count = 0
    for (const { jobs } of group.lanes.values()) count += jobs.count(waitingStates)
    return count
  }

  /** The backlogs of a group's keys; undefined where no policy bounds one. */
  backlogsOf(group: Group): Map<string, number> | undefined {
    if (group.limits === undefined || !boundsBacklogs(group.policy, group.limits.own.values())) return undefined
    const backlogs = new Map<string, number>()
    for (const { rare } of this.matching(
      { groups: [group.name], states: ["scheduled", "pending"] },
      "oldest",
      undefined,
      Number.POSITIVE_INFINITY
    )) {
      const key = rare?.partitionKey
      if (key !== undefined) backlogs.set(key, (backlogs.get(key) ?? 0) + 1)
    }
    return backlogs
  }

  private label(job: StoredJob): void {
    const names = labelsOf(job.rare!.partitionKey, job.rare!.extra)
    if (names.length === 0) return
    job.rare!.labels = names.map((name) => {
      const tree = this.labelled(name)
      const leaf = tree.leafForNext(job.id)
      leaf.jobs.push(job)
      countIn(leaf, job.state)
      return tree
    })
  }

  private labelled(name: string): JobTree {
    let tree = this.labels.get(name)
    if (tree === undefined) {
      tree = new JobTree(name)
      this.labels.set(name, tree)
    }
    return tree
  }

  /** What a job carries now has other labels. */
  relabel(job: StoredJob): void {
    const rare = job.rare!
    const before = rare.labels ?? []
    const names = labelsOf(rare.partitionKey, rare.extra)
    for (const tree of before) {
      if (names.includes(tree.name)) continue
      tree.take(job)
      if (tree.isEmpty) this.labels.delete(tree.name)
    }
    const after = names.map((name) => {
      const tree = this.labelled(name)
      if (!before.includes(tree)) tree.insert(job)
      return tree
    })
    rare.labels = after.length === 0 ? undefined : after
  }

  /** Puts a job that is in no list into another group. */
  regroup(job: StoredJob, group: string): void {
    job.lane.jobs.take(job)
    this.countBacklog(job, job.state, -1)
    job.lane = this.lane(group, job.lane.task)
    this.countBacklog(job, job.state, 1)
    job.lane.jobs.insert(job, (moved, leaf) => {
      moved.leaf = leaf
    })
    job.lane.cell.arrivals++
  }

  find(id: JobId): StoredJob | undefined {
    return this.byId.find(id)
  }

  /** Changes a job's state and every count of it. */
  move(job: StoredJob, to: number): void {
    const { leaf } = job
    const from = job.state
    countOut(leaf, from)
    countIn(leaf, to)
    if (from <= 2) this.live--
    if (to <= 2) this.live++
    if (job.rare?.labels !== undefined) {
      this.countBacklog(job, from, -1)
      this.countBacklog(job, to, 1)
      for (const tree of job.rare.labels) {
        const own = tree.leafOf(job.id)!
        countOut(own, from)
        countIn(own, to)
      }
    }
    job.state = to
  }

  /** Removes a job and what hangs on it. */
  drop(job: StoredJob): void {
    const from = job.state
    if (from <= 2) this.live--
    countOut(job.leaf, from)
    this.countBacklog(job, from, -1)
    job.state = gone
    job.lane.jobs.forget(job.leaf)
    this.byId.forget(this.byId.leafOf(job.id)!)
    if (job.rare?.labels !== undefined) {
      for (const tree of job.rare.labels) {
        const leaf = tree.leafOf(job.id)!
        countOut(leaf, from)
        tree.forget(leaf)
        if (tree.isEmpty) this.labels.delete(tree.name)
      }
    }
    job.payload = undefined
    job.result = undefined
    job.rare = undefined
    job.kept = undefined
  }

  /**
   * Puts a fresh record in the place of a finished one, so that whatever still points at the old one passes it over.
   */
  renew(old: StoredJob, state: number): StoredJob {
    const job = renewed(old)
    old.lane.jobs.replace(old, job)
    this.byId.replace(old, job)
    for (const tree of job.rare?.labels ?? []) tree.replace(old, job)
    job.kept = old.kept
    old.state = gone
    old.kept = undefined
    old.rare = undefined
    this.move(job, state)
    return job
  }

  view(job: StoredJob): JobRecord {
    return recordOf(job, this.epoch)
  }

  page(filter: JobFilter, request: PageRequest): Page {
    const limit = Math.max(1, Math.min(1000, request.limit))
    const found = this.matching(filter, request.order, request.cursor, limit)
    return {
      jobs: found.map((job) => this.view(job)),
      next: found.length === limit ? found[limit - 1]!.id : undefined
    }
  }

  count(filter: JobFilter): Count {
    const keys = Object.keys(filter) as Array<keyof JobFilter>
    if (keys.every((key) => filter[key] === undefined || key === "tasks" || key === "groups" || key === "states")) {
      const states = statesOf(filter)
      return { count: this.lanesOf(filter).reduce((sum, lane) => sum + lane.jobs.count(states), 0), exact: true }
    }
    const count = this.matching(filter, "oldest", undefined, countMost + 1).length
    return { count: Math.min(count, countMost), exact: count <= countMost }
  }

  /**
   * Up to `limit` jobs that pass the filter and `accept`, in order of id. Walks the smallest index that covers the
   * filter and tests the rest: the cost is that of the answer where one index does, and of what was passed over where
   * fields are joined.
   */
  matching(
    filter: JobFilter,
    order: "newest" | "oldest",
    after: JobId | undefined,
    limit: number,
    accept: (job: StoredJob) => boolean = () => true
  ): ReadonlyArray<StoredJob> {
    const found: Array<StoredJob> = []
    const forwards = order === "oldest"
    const first = Math.max(
      filter.from === undefined ? 0 : jobIdFloor(Math.ceil(filter.from)),
      forwards && after !== undefined ? after + 1 : 0
    )
    const end = Math.min(
      filter.to === undefined ? Infinity : jobIdFloor(Math.ceil(filter.to)),
      !forwards && after !== undefined ? after : Infinity
    )
    const take = (job: StoredJob) => {
      if (matches(job, filter) && accept(job)) found.push(job)
    }

    if (filter.ids !== undefined) {
      const ids = [...new Set(filter.ids)]
        .filter((id) => id >= first && id < end)
        .sort((a, b) => (forwards ? a - b : b - a))
      for (let i = 0; i < ids.length && found.length < limit; i++) {
        const job = this.find(ids[i]!)
        if (job !== undefined) take(job)
      }
      return found
    }

    const states = statesOf(filter)
    const cursors = this.treesFor(filter, states)
      .map((tree) => new JobCursor(tree, order, forwards ? first : end, states))
      .filter((cursor) => cursor.job !== undefined)
    while (cursors.length > 0 && found.length < limit) {
      let next = 0
      for (let i = 1; i < cursors.length; i++) {
        if (cursors[i]!.job!.id < cursors[next]!.job!.id === forwards) next = i
      }
      const cursor = cursors[next]!
      const job = cursor.job!
      if (forwards ? job.id >= end : job.id < first) return found
      take(job)
      cursor.advance()
      if (cursor.job === undefined) cursors.splice(next, 1)
    }
    return found
  }

  /** The indexes to walk: together they hold every job the filter lets pass. */
  private treesFor(filter: JobFilter, states: ReadonlyArray<number>): ReadonlyArray<JobTree> {
    let trees = this.lanesOf(filter).map((lane) => lane.jobs)
    let size = trees.reduce((sum, tree) => sum + tree.count(states), 0)
    for (const name of labelsOfFilter(filter)) {
      const tree = this.labels.get(name)
      if (tree === undefined) return []
      const own = tree.count(states)
      if (own < size) {
        size = own
        trees = [tree]
      }
    }
    return trees
  }

  private lanesOf(filter: JobFilter): ReadonlyArray<Lane> {
    const lanes: Array<Lane> = []
    const groups = filter.groups === undefined ? this.groups.values() : named(this.groups, filter.groups)
    for (const group of groups) {
      lanes.push(...(filter.tasks === undefined ? group.lanes.values() : named(group.lanes, filter.tasks)))
    }
    return lanes
  }
}

const named = <A>(map: ReadonlyMap<string, A>, names: ReadonlyArray<string>): ReadonlyArray<A> =>
  [...new Set(names)].flatMap((name) => map.get(name) ?? [])

const onlyRunning: ReadonlyArray<number> = [running]

const statesOf = (filter: JobFilter): ReadonlyArray<number> => {
  const states = filter.states === undefined ? allStates : [...new Set(filter.states)].map(stateCode)
  return filter.session === undefined ? states : states.includes(running) ? onlyRunning : []
}

const matches = (job: StoredJob, filter: JobFilter): boolean => {
  const { lane, rare } = job
  return (
    (filter.states === undefined || filter.states.includes(stateNames[job.state]!)) &&
    (filter.session === undefined || (job.state === running && job.session === filter.session)) &&
    (filter.groups === undefined || filter.groups.includes(lane.group.name)) &&
    (filter.tasks === undefined || filter.tasks.includes(lane.task)) &&
    (filter.partitionKey === undefined || rare?.partitionKey === filter.partitionKey) &&
    (filter.owner === undefined || rare?.extra?.owner === filter.owner) &&
    (filter.team === undefined || rare?.extra?.team === filter.team) &&
    (filter.batchKey === undefined || rare?.extra?.batchKey === filter.batchKey) &&
    (filter.tag === undefined || rare?.extra?.tags?.includes(filter.tag) === true)
  )
}
