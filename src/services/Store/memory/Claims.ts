/**
 * Which pending jobs start: those of a group in order of rank, then id, up to the session's free slots and what the
 * limits of the group leave.
 */
import { fitsWindow } from "../../Limits/policy/KeyAdmission.ts"
import { heldUntil } from "../../Limits/policy/Holding.ts"
import { waitedMs } from "../../Queue/policy/jobs/Waiting.ts"
import { unlimited } from "../../Queue/ResourceGroup.ts"
import type { BeyondLimit, ClaimedJob, ClaimRequest } from "../Turn.ts"
import type { JobLife } from "./JobLife.ts"
import { type Group, type ReadyStream, startsBefore } from "./Lane.ts"
import { Lending } from "./Lending.ts"
import type { MemorySession, Sessions } from "./Sessions.ts"
import { claimedOf, costIn, slotsIn, type StoredJob } from "./StoredJob.ts"

const noTasks: ReadonlySet<string> = new Set()

const recordWait = (lane: StoredJob["lane"], wait: number, times: number): void => {
  lane.cell.starts += times
  lane.cell.wait.record(wait, times)
}

/** Restores the binary heap of streams below `i`. */
const sift = (streams: Array<ReadyStream>, i: number): void => {
  for (;;) {
    let least = 2 * i + 1
    if (least >= streams.length) return
    if (least + 1 < streams.length && startsBefore(streams[least + 1]!, streams[least]!)) least++
    if (!startsBefore(streams[least]!, streams[i]!)) return
    const stream = streams[i]!
    streams[i] = streams[least]!
    streams[least] = stream
    i = least
  }
}

/** Restores the heap after its top stream gave up a job. */
const retop = (streams: Array<ReadyStream>): void => {
  if (streams[0]!.size === 0) {
    const last = streams.pop()!
    if (streams.length === 0) return
    streams[0] = last
  }
  if (streams.length > 1) sift(streams, 0)
}

export class Claims {
  readonly life: JobLife
  /** Milliseconds since 1970 from which the jobs' times count. */
  private readonly epoch: number
  private readonly sessions: Sessions
  private readonly lending: Lending

  constructor(life: JobLife, sessions: Sessions) {
    this.life = life
    this.epoch = life.epoch
    this.sessions = sessions
    this.lending = new Lending(life.epoch, life.slots)
  }

  /** Groups, but those claimed from, in which jobs became ready that this session may start; asked once a turn. */
  takeReady(session: MemorySession | undefined, claim: ReadonlyArray<ClaimRequest>): ReadonlyArray<string> | undefined {
    let ready: Array<string> | undefined
    for (const group of this.life.wakes.takeStirred()) {
      if (session === undefined || group.paused || group.running >= group.limit) continue
      if (claim.some((request) => request.group === group.name)) continue
      if (
        !group.streams.some((stream) => stream.size > 0 && session.handles.has(stream.lane.task)) &&
        !this.lending.hasRatedDue(group, session)
      )
        continue
      ready ??= []
      ready.push(group.name)
    }
    return ready
  }

  private limitFor(group: Group, session: MemorySession, beyond: BeyondLimit | undefined): number {
    if (beyond === "nested") return unlimited
    if (beyond === undefined || group.operatorLimit !== undefined) return group.limit
    const othersWait = group.streams.some(
      ({ lane: { task }, size }) => size > 0 && !session.handles.has(task) && this.sessions.serves(task)
    )
    return othersWait ? group.limit : Math.max(group.limit, beyond)
  }

  /** Slots of the group that a claim may take; more than there are for a job that runs alone. */
  private freeFor(group: Group, session: MemorySession, beyond: BeyondLimit | undefined, now: number): number {
    if (beyond === "nested") return unlimited
    if (group.paused || heldUntil(group, group.policy, now) > now) return 0
    return this.limitFor(group, session, beyond) - group.running
  }

  /** Starts up to `limit` jobs of the group in order of rank, then id. */
  claim(
    group: Group,
    limit: number,
    session: MemorySession,
    now: number,
    claimed: Array<ClaimedJob>,
    beyond: BeyondLimit | undefined
  ): void {
    const room = Math.min(limit, this.freeFor(group, session, beyond, now))
    this.promoting(group, room, session, now, beyond === "nested", () =>
      this.claimReady(group, limit, session, now, claimed, { beyond })
    )
  }

  /** Claims while up to `room` jobs of rated keys are ready too. */
  promoting(
    group: Group,
    room: number,
    session: MemorySession,
    now: number,
    isNested: boolean,
    claim: () => void
  ): void {
    if (room <= 0) return
    const lent = this.lending.lend(group, room, session, now, isNested)
    claim()
    if (lent !== undefined) this.lending.takeBack(lent, now)
  }

  /** Starts up to `limit` jobs that are ready, in order of rank, then id; none of the tasks `but`. */
  claimReady(
    group: Group,
    limit: number,
    session: MemorySession,
    now: number,
    claimed: Array<ClaimedJob>,
    { but = noTasks, beyond }: { readonly but?: ReadonlySet<string>; readonly beyond?: BeyondLimit | undefined } = {}
  ): void {
    let free = this.freeFor(group, session, beyond, now)
    let room = limit
    const open = () => {
      const streams = group.streams.filter(
        (stream) => stream.size > 0 && session.handles.has(stream.lane.task) && !but.has(stream.lane.task)
      )
      for (let i = (streams.length >> 1) - 1; i >= 0; i--) sift(streams, i)
      return streams
    }
    let streams = open()
    const at = now - this.epoch
    let wait = 0
    let waited = 0
    let waitedIn: StoredJob["lane"] | undefined
    while (room > 0 && free > 0 && streams.length > 0) {
      const stream = streams[0]!
      const job = stream.first()!
      if (job.rare !== undefined && this.life.endIfExpired(job, now)) {
        // What its key has let go instead may be of a lane that had nothing ready.
        if (group.limits === undefined) retop(streams)
        else streams = open()
        continue
      }
      const slots = slotsIn(job)
      if ((slots > free && group.running > 0) || !this.allows(group, costIn(job), beyond, now)) break
      stream.shift()
      retop(streams)
      this.life.begins(job, session, at)
      group.running += slots
      free -= slots
      room--
      const since = this.waited(job, now)
      if (since === wait && job.lane === waitedIn) waited++
      else {
        if (waitedIn !== undefined) recordWait(waitedIn, wait, waited)
        wait = since
        waited = 1
        waitedIn = job.lane
      }
      claimed.push(claimedOf(job, this.epoch))
    }
    if (waitedIn !== undefined) recordWait(waitedIn, wait, waited)
  }

  private allows(group: Group, cost: number, beyond: BeyondLimit | undefined, now: number): boolean {
    return group.limits === undefined || beyond === "nested" || this.life.slots.allows(group, cost, now)
  }

  /** Whether the group has slots for these jobs, started together, and its rate lets them. */
  mayStartTogether(group: Group, jobs: ReadonlyArray<StoredJob>, now: number): boolean {
    const cost = jobs.reduce((sum, job) => sum + costIn(job), 0)
    return fitsWindow(group.limit, group.running, slotsIn(jobs[0]!)) && this.allows(group, cost, undefined, now)
  }

  /**
   * Starts these pending jobs of one lane together, in the slots of the first of them. Answers those that had not
   * expired.
   */
  claimTogether(jobs: ReadonlyArray<StoredJob>, session: MemorySession, now: number): ReadonlyArray<ClaimedJob> {
    const claimed: Array<ClaimedJob> = []
    for (const job of jobs) {
      if (job.rare !== undefined && this.life.endIfExpired(job, now)) continue
      job.lane.ready(job.priority).remove(job)
      this.life.begins(job, session, now - this.epoch, claimed.length > 0)
      if (claimed.length === 0) job.lane.group.running += slotsIn(job)
      recordWait(job.lane, this.waited(job, now), 1)
      claimed.push(claimedOf(job, this.epoch))
    }
    return claimed
  }

  private waited(job: StoredJob, now: number): number {
    return waitedMs(now - this.epoch, job.due, job.enqueued)
  }
}
