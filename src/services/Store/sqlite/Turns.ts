/** One turn: everything that has gathered, in one transaction. */
import type { JobId } from "../../Queue/Job.ts"
import type { ClaimedJob, ClaimRequest, Signal, Turn, TurnResult } from "../Turn.ts"
import type { BatchClaims, BatchesClaimed } from "./BatchClaims.ts"
import type { Claims } from "./Claims.ts"
import type { Due } from "./Due.ts"
import type { Endings } from "./Endings.ts"
import type { StoreNote } from "../../Queue/policy/jobs/Admission.ts"
import type { Enqueues } from "./Enqueues.ts"
import type { KeySlots } from "./KeySlots.ts"
import type { LaneCounters } from "./LaneCounters.ts"
import type { LimitChanges } from "./LimitChanges.ts"
import type { Notes } from "./Notes.ts"
import type { Running } from "./Running.ts"
import type { Session, Sessions } from "./Sessions.ts"
import type { Settlement } from "./Settlement.ts"
import type { Signals } from "./Signals.ts"

const noTasks: ReadonlySet<string> = new Set()
const noSignals: ReadonlyArray<Signal> = []

const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || (b !== undefined && b < a) ? b : a

export interface StoreTurnResult extends Omit<TurnResult, "notes"> {
  readonly notes: ReadonlyMap<number, StoreNote> | undefined
}

export class Turns {
  private readonly laneCounters: LaneCounters
  private readonly sessions: Sessions
  private readonly notes: Notes
  private readonly settlement: Settlement
  private readonly endings: Endings
  private readonly due: Due
  private readonly enqueues: Enqueues
  private readonly slots: KeySlots
  private readonly changes: LimitChanges
  private readonly claims: Claims
  private readonly batches: BatchClaims
  private readonly signals: Signals
  private readonly running: Running

  constructor(parts: {
    readonly laneCounters: LaneCounters
    readonly sessions: Sessions
    readonly notes: Notes
    readonly settlement: Settlement
    readonly endings: Endings
    readonly due: Due
    readonly enqueues: Enqueues
    readonly slots: KeySlots
    readonly changes: LimitChanges
    readonly claims: Claims
    readonly batches: BatchClaims
    readonly signals: Signals
    readonly running: Running
  }) {
    this.laneCounters = parts.laneCounters
    this.sessions = parts.sessions
    this.notes = parts.notes
    this.settlement = parts.settlement
    this.endings = parts.endings
    this.due = parts.due
    this.enqueues = parts.enqueues
    this.slots = parts.slots
    this.changes = parts.changes
    this.claims = parts.claims
    this.batches = parts.batches
    this.signals = parts.signals
    this.running = parts.running
  }

  take(turn: Turn): StoreTurnResult {
    const { now } = turn
    this.enqueues.observe(now)
    const ended = this.endings.listUnheard()
    const session = turn.session === 0 ? undefined : this.sessions.find(turn.session)
    const lost = this.finishAttempts(turn, session)
    this.endings.cascade(now)
    this.due.promote(now)
    this.changes.goOn()

    const claim = session === undefined || session.draining || this.laneCounters.paused ? [] : turn.claim
    const tasks = session?.tasks ?? noTasks
    const { ids, notes, started } =
      turn.enqueue.length === 0
        ? { ids: [] as ReadonlyArray<JobId>, notes: undefined, started: undefined }
        : this.enqueues.enqueue(turn.enqueue, turn.batches, now, claim, tasks, turn.session)

    const jobs: Array<ClaimedJob> = []
    let together: BatchesClaimed | undefined
    let isCutShort = false
    for (const request of claim) {
      const { group, limit, beyond } = request
      const fused = started?.get(group) ?? []
      started?.delete(group)
      for (const row of fused) jobs.push(this.claims.start(row, now))
      this.slots.lend(group, tasks, this.roomFor(request, fused.length, tasks, now), beyond === "nested")
      if (this.claims.hasBatches(request)) {
        together ??= { batches: [], ripeAt: undefined }
        for (const row of this.batches.claim(request, tasks, turn.session, now, together))
          jobs.push(this.claims.start(row, now))
        this.slots.takeBack()
        continue
      }
      const { rows, passedOver } = this.claims.claim(
        { group, limit: limit - fused.length, beyond },
        tasks,
        turn.session,
        now
      )
      for (const row of rows) jobs.push(this.claims.start(row, now))
      this.slots.takeBack()
      isCutShort ||= passedOver > 0 && rows.length + fused.length < limit
    }
    // Jobs that were put away by the claims let others go, also in groups claimed from.
    const hasEndedMore = this.endings.hasWork
    this.endings.cascade(now)
    return {
      now,
      ids,
      notes,
      lost,
      jobs,
      ended,
      breakers: this.slots.takeBreakers(),
      ready: this.claims.ready(tasks, hasEndedMore ? [] : claim, now),
      batches: together?.batches.map((batch) => batch.map((row) => this.claims.start(row, now))),
      // Work was left for the next turn: look again at once.
      nextDue:
        isCutShort || this.laneCounters.hasCascades || this.changes.areUnderWay
          ? now
          : [together?.ripeAt, this.slots.nextDue(), session && this.claims.nextStart(session.tasks, now)].reduce(
              earlier,
              this.laneCounters.nextDue()
            ),
      signals: session === undefined ? noSignals : this.signals.of(turn.session),
      fenced: turn.session !== 0 && session === undefined,
      draining: session?.draining ?? false
    }
  }

  /** Most jobs that a request may start. */
  private roomFor(request: ClaimRequest, fused: number, tasks: ReadonlySet<string>, now: number): number {
    const free = this.claims.free({ ...request, limit: request.limit - fused }, tasks, now)
    return this.claims.hasBatches(request) ? free * Math.max(...request.batches!.map(({ size }) => size)) : free
  }

  private finishAttempts(turn: Turn, session: Session | undefined): ReadonlySet<number> | undefined {
    // Before the settles: an attempt that ends in this turn may still speak.
    if (session !== undefined || turn.session === 0) {
      if (turn.progress.length > 0) this.notes.progress(turn.progress, turn.session)
      if (turn.logs.length > 0) this.notes.logs(turn.logs, turn.session)
    }
    if (session === undefined) {
      if (turn.session !== 0) this.running.forget(turn.session)
      return turn.settle.length === 0 ? undefined : new Set(turn.settle.keys())
    }
    let lost: Set<number> | undefined
    for (let i = 0; i < turn.settle.length; i++) {
      if (this.settlement.settle(turn.settle[i]!, turn.session, turn.now)) continue
      lost ??= new Set()
      lost.add(i)
    }
    return lost
  }
}
