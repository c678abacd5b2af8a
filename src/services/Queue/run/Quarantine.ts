/**
 * Keeps a job that takes its process down from taking others along. A job of which two attempts were lost with their
 * worker is a *suspect*: it runs alone in its process. Nobody knows which of the jobs that died together was the cause;
 * alone, only the cause dies again. So a bystander loses two attempts at most and completes with the third, and the
 * cause is buried after its last. One loss makes no suspect: after an ordinary crash or a deployment recovery goes on
 * side by side.
 *
 * A worker that is given a suspect while other jobs run hands it back unspent, claims nothing more, and claims again
 * when nothing runs: the suspect, its place unchanged, is then among the first. A worker that is idle hands back,
 * unspent and in their places, what came with the suspect, and starts it when that and all that ended before is stored.
 * While it runs the worker claims nothing.
 *
 * The bound: jobs that outlast a wait of 30 s (`patienceMs`) are waited for no longer. Until they have ended the worker
 * claims as usual, and suspects run in their company.
 *
 * Cost for ordinary jobs: one comparison per claimed job, one check per ended job.
 */
import type { JobId } from "../Job.ts"
import type { ClaimedJob } from "../../Store/Turn.ts"

/**
 * Attempts lost with their worker that make a suspect. Two: the default of three retries leaves it two attempts alone.
 */
export const suspectAfter = 2

/** How long a worker claims nothing while it waits for its running jobs to end, in milliseconds. */
export const patienceMs = 30_000

const isSuspect = (job: ClaimedJob): boolean => job.lost >= suspectAfter

/** What it asks of its worker. */
export interface QuarantineHost {
  readonly running: { readonly size: number; readonly ids: () => ReadonlyArray<JobId> }
  /** Whether claimed jobs are to start: the worker neither drains nor stops. */
  readonly starts: () => boolean
  readonly start: (job: ClaimedJob) => void
  /** Unspent, and in its place. */
  readonly handBack: (job: ClaimedJob) => void
  /** Calls when all that has been handed back and settled so far is in the store. */
  readonly stored: (then: () => void) => void
  /** Calls after that many milliseconds; answers how to call it off. */
  readonly after: (ms: number, then: () => void) => () => void
  /** Claims go on. */
  readonly opened: () => void
}

type Phase =
  | { readonly _tag: "Open" }
  /** A suspect was handed back; claims nothing until nothing runs. */
  | { readonly _tag: "Emptying"; readonly callOff: () => void }
  /** What came with the suspect is on its way back. */
  | { readonly _tag: "Holding" }
  | { readonly _tag: "Alone" }
  /** These were not worth a longer wait; until they end, suspects run beside them. */
  | { readonly _tag: "Company"; readonly outlasting: Set<JobId> }

const open: Phase = { _tag: "Open" }

export class Quarantine {
  private phase: Phase = open
  private readonly host: QuarantineHost

  constructor(host: QuarantineHost) {
    this.host = host
  }

  /** Whether nothing is to be claimed now. */
  get isShut(): boolean {
    return this.phase !== open && this.phase._tag !== "Company"
  }

  /** Whether a suspect waits for its start. */
  get isHolding(): boolean {
    return this.phase._tag === "Holding"
  }

  /** Whether these claimed jobs are for `isolate`; otherwise all of them may start. */
  concerns(jobs: ReadonlyArray<ClaimedJob>): boolean {
    for (let i = 0; i < jobs.length; i++) if (isSuspect(jobs[i]!)) return this.phase._tag !== "Company"
    return false
  }

  /** Starts what may start of a claim that brought a suspect, and hands back the rest. */
  isolate(jobs: ReadonlyArray<ClaimedJob>): void {
    const { host } = this
    if (this.phase !== open || host.running.size > 0) {
      if (this.phase === open)
        this.phase = { _tag: "Emptying", callOff: host.after(patienceMs, () => this.outlasted()) }
      for (const job of jobs) {
        if (isSuspect(job)) host.handBack(job)
        else host.start(job)
      }
      return
    }
    const suspect = jobs.find(isSuspect)!
    const holding: Phase = { _tag: "Holding" }
    this.phase = holding
    for (const job of jobs) if (job !== suspect) host.handBack(job)
    // Its start may be the end of this process: what is not stored by then would be lost with it.
    host.stored(() => {
      // The lease was lost meanwhile: the job is the sweeper's.
      if (this.phase !== holding) return
      this.phase = { _tag: "Alone" }
      if (host.starts()) host.start(suspect)
      else host.handBack(suspect)
      this.ended(suspect.id)
    })
  }

  /** A job has ended here. */
  ended(id: JobId): void {
    const { phase } = this
    if (phase === open) return
    if (phase._tag === "Company") {
      phase.outlasting.delete(id)
      if (phase.outlasting.size === 0) this.phase = open
    } else if (phase._tag !== "Holding" && this.host.running.size === 0) this.open()
  }

  /** The lease is lost: what was held is another's. */
  fenced(): void {
    if (this.isHolding) this.open()
  }

  /** The worker has stopped: no timer is left behind. */
  close(): void {
    if (this.phase._tag === "Emptying") this.phase.callOff()
  }

  private outlasted(): void {
    if (this.phase._tag !== "Emptying") return
    this.phase = { _tag: "Company", outlasting: new Set(this.host.running.ids()) }
    this.host.opened()
  }

  private open(): void {
    this.close()
    // `opened` and what it starts may come back here.
    this.phase = open
    this.host.opened()
  }
}
