/**
 * What becomes of a new job: stored, held behind the running job of its key, taken over by a waiting one, answered by
 * another, or refused. A taken key comes first, then parents that are not there, then room: only who would be stored is
 * asked for the last two. What is larger than its group or key is told so before anything is said of room:
 * the store's, then the backlogs of its group and key.
 */
import type { JobId } from "../../Job.ts"
import type { EnqueueNote, NewJob, UniqueConflict } from "../../../Store/Turn.ts"

/** Who has a key that is taken. */
export interface KeyHolder {
  readonly id: JobId
  /** False: it has finished, and its window is open. */
  readonly isLive: boolean
  readonly isRunning: boolean
  /** Waits for it to finish. */
  readonly held: JobId | undefined
}

/** What a store says of an enqueue while it works. */
export type StoreNote = Exclude<EnqueueNote, { readonly _tag: "NotStored" }>

type Refusal = Extract<StoreNote, { readonly _tag: "Duplicate" | "ParentNotFound" | "TooLarge" | "Overloaded" }>

export type Plan =
  | { readonly _tag: "Create" }
  /** It waits for the running job of its key. */
  | { readonly _tag: "Hold" }
  /** A waiting job takes over; `keepsPlace`: the payload only. */
  | { readonly _tag: "Replace"; readonly id: JobId; readonly keepsPlace: boolean }
  | { readonly _tag: "Existing"; readonly id: JobId }
  | Refusal

/** Whose bound a job meets. */
export type BoundOf = Extract<EnqueueNote, { readonly _tag: "Overloaded" }>["of"]

/** Live jobs that do not run, and how many there may be. */
export interface Backlog {
  readonly waiting: number
  readonly limit: number
}

/** What bounds a new job by the limits of its group and key. */
export interface JobBounds {
  /** Slots that a run of it takes. */
  readonly slots: number
  /** Slots that there are. */
  readonly slotsOf: Readonly<Record<"group" | "key", number>>
  readonly backlogOf: Readonly<Record<"group" | "key", Backlog | undefined>>
}

/** What a store knows when a job comes. */
export interface Present {
  /** Who has the key now; undefined: it is free. */
  readonly holder: (key: string) => KeyHolder | undefined
  readonly exists: (id: JobId) => boolean
  /** How many more live jobs there may be. */
  readonly room: () => number
  /** Undefined for nearly all: one slot of a group without a policy. */
  readonly bounds: (job: NewJob) => JobBounds | undefined
  /** `limit`: of a group or key. */
  readonly overloaded: (of: BoundOf, limit?: number) => Extract<StoreNote, { readonly _tag: "Overloaded" }>
}

/** Jobs that come before one in its batch and are to be stored. */
class Ahead {
  count = 0
  private readonly counts = new Map<string, number>()

  add({ group, partitionKey }: NewJob): void {
    this.count++
    for (const name of [group, keyName(group, partitionKey)]) this.counts.set(name, this.of(name) + 1)
  }

  of(name: string): number {
    return this.counts.get(name) ?? 0
  }
}

/** No group has a line feed in its name. */
const keyName = (group: string, key: string | undefined): string => `${group}\n${key ?? ""}`

const boundsOf = ["group", "key"] as const

const tooLarge = ({ slots, slotsOf }: JobBounds): Refusal | undefined => {
  const of = boundsOf.find((each) => slots > Math.max(1, slotsOf[each]))
  return of === undefined ? undefined : { _tag: "TooLarge", slots, limit: slotsOf[of], of }
}

const overBacklog = (
  job: NewJob,
  { backlogOf }: JobBounds,
  present: Present,
  ahead: Ahead | undefined
): Refusal | undefined => {
  for (const of of boundsOf) {
    const backlog = backlogOf[of]
    const before = ahead?.of(of === "group" ? job.group : keyName(job.group, job.partitionKey)) ?? 0
    if (backlog !== undefined && backlog.waiting + before >= backlog.limit) return present.overloaded(of, backlog.limit)
  }
  return undefined
}

export const create: Plan = { _tag: "Create" }
const hold: Plan = { _tag: "Hold" }

export const isStored = (plan: Plan): boolean => plan._tag === "Create" || plan._tag === "Hold"

const isRefusal = (plan: Plan): plan is Refusal =>
  plan._tag === "Duplicate" || plan._tag === "ParentNotFound" || plan._tag === "TooLarge" || plan._tag === "Overloaded"

/** Whether a note says that a job met another of its key. */
export const isDeduplicated = ({ _tag }: StoreNote): boolean =>
  _tag === "Duplicate" || _tag === "Existing" || _tag === "Replaced"

const planOfTakenKey = (onConflict: UniqueConflict, { held, id, isLive, isRunning }: KeyHolder): Plan => {
  if (onConflict === "reject") return { _tag: "Duplicate", existing: id }
  if (onConflict === "existing" || !isLive) return { _tag: "Existing", id }
  const keepsPlace = onConflict === "keepLast"
  if (onConflict === "replace") return isRunning ? { _tag: "Existing", id } : { _tag: "Replace", id, keepsPlace }
  if (held !== undefined) return { _tag: "Replace", id: held, keepsPlace }
  return isRunning ? hold : { _tag: "Replace", id, keepsPlace }
}

/** `ahead`: in the batch that the job is stored with. */
export const planOf = (job: NewJob, present: Present, ahead?: Ahead): Plan => {
  const holder = job.unique === undefined ? undefined : present.holder(job.unique.key)
  const plan = holder === undefined ? create : planOfTakenKey(job.unique!.onConflict, holder)
  if (!isStored(plan)) return plan
  const parent = job.after?.jobs.find((id) => !present.exists(id))
  if (parent !== undefined) return { _tag: "ParentNotFound", parent }
  const bounds = present.bounds(job)
  const never = bounds === undefined ? undefined : tooLarge(bounds)
  if (never !== undefined) return never
  if (present.room() <= (ahead?.count ?? 0)) return present.overloaded("store")
  return (bounds === undefined ? undefined : overBacklog(job, bounds, present, ahead)) ?? plan
}

/** Whether only the store's own bound can refuse the job. */
const isPlain = (job: NewJob, present: Present): boolean =>
  job.after === undefined && job.unique === undefined && present.bounds(job) === undefined

/** Whether each of them is to be stored as it is, with nothing more to be asked: so it is for most batches. */
export const areCreated = (batch: ReadonlyArray<NewJob>, present: Present): boolean =>
  batch.length <= present.room() && batch.every((job) => isPlain(job, present))

const batchRefused: StoreNote = { _tag: "BatchRefused" }

/** The id of a job of the batch that is not stored either. */
const noId = 0 as JobId

/**
 * The notes of a batch that is refused because one of its jobs would be, were they stored one after the other;
 * undefined: it may be stored. Cheap for a batch without keys and parents. Those that would end at once, since their
 * key is full or a parent has failed, count like the others: a batch is judged by what stands when it comes.
 */
export const refusalOfBatch = (
  batch: ReadonlyArray<NewJob>,
  present: Present
): ReadonlyArray<StoreNote> | undefined => {
  if (areCreated(batch, present)) return undefined
  const ahead = new Ahead()
  const keys = new Set<string>()
  const refusals = batch.map((job) => {
    const { unique } = job
    const plan = planOf(job, present, ahead)
    const meetsOther = plan._tag === "Duplicate" || plan._tag === "Existing" || plan._tag === "Replace"
    if (unique !== undefined && keys.has(unique.key) && !meetsOther) {
      // It would meet the job before it.
      return unique.onConflict === "reject" ? ({ _tag: "Duplicate", existing: noId } satisfies StoreNote) : undefined
    }
    if (isRefusal(plan)) return plan
    if (isStored(plan)) {
      ahead.add(job)
      if (unique !== undefined) keys.add(unique.key)
    }
    return undefined
  })
  return refusals.some((refusal) => refusal !== undefined)
    ? refusals.map((refusal) => refusal ?? batchRefused)
    : undefined
}

/** What is asked for jobs of a batch that may be stored, one after the other: it is whole, whatever these displace. */
export const accepted = (present: Present): Present => ({
  ...present,
  bounds: () => undefined,
  room: () => Number.POSITIVE_INFINITY
})

/**
 * Until when the key of a job enqueued at `enqueuedAt` stays taken, also when it has finished, in milliseconds since
 * 1970; 0: no window. A job that is retried opens none.
 */
export const windowEnd = (enqueuedAt: number, windowMs: number): number => (windowMs === 0 ? 0 : enqueuedAt + windowMs)

/** The window of a key that a job takes: one that is still open stays as it is. */
export const windowKept = (open: number, own: number, now: number): number => (open > now ? open : own)
