/** From a task, a payload and options to the row a store keeps: every check before anything is stored. */
import type { JobExtra, JobRetention } from "../Job.ts"
import { type After, type NewJob, parentFailurePolicies, type Unique, uniqueConflicts } from "../../Store/Turn.ts"
import * as Bounds from "../policy/Bounds.ts"
import * as Times from "../policy/Times.ts"
import * as Durations from "../policy/Durations.ts"
import { rankIn, type Rankings } from "../policy/Order.ts"
import { checkPriority } from "../policy/Rank.ts"
import { uniqueKey } from "../policy/UniqueKey.ts"
import { durationText } from "../policy/DurationText.ts"
import { defaultMaxDelay } from "../policy/jobs/Debouncing.ts"
import { checkRetention } from "../policy/RetentionOption.ts"
import type { QueueSettings } from "../QueueSettings.ts"
import type { AnyTask } from "../Task.ts"
import { encodeJson, type TaskCodec, type ValuesAtRest } from "./TaskCodec.ts"
import { bytesAbove } from "./JsonSize.ts"
import { EnqueueError, type EnqueueOptions, InvalidPayload, PayloadTooLarge } from "../TaskQueue.ts"

const optionNames: ReadonlySet<string> = new Set<keyof EnqueueOptions>([
  "in",
  "at",
  "group",
  "priority",
  "retries",
  "partitionKey",
  "key",
  "onConflict",
  "maxDelay",
  "expiresIn",
  "deadline",
  "deadlineIn",
  "deferrable",
  "after",
  "onParentFailure",
  "softLimit",
  "hardLimit",
  "owner",
  "team",
  "tags",
  "headers",
  "slots",
  "cost",
  "batchKey",
  "retention",
  "cacheKey"
])

const noOptions: EnqueueOptions = {}

const dueOf = ({ at, in: delay }: EnqueueOptions, now: number): number => {
  if (at === undefined) return delay === undefined ? now : now + Durations.duration("in", delay)
  if (delay !== undefined) throw new Bounds.OutOfBounds("at and in both say when; expected one of them")
  return Math.max(now, Times.time("at", at))
}

const deferrableNames: ReadonlySet<string> = new Set(["deadline", "deadlineIn"])

/** The deadline that it is deferred within, as it is given; undefined: `deferrable` gives none. */
const deferrableBy = ({
  at,
  deadline,
  deadlineIn,
  deferrable,
  in: delay
}: EnqueueOptions): Pick<EnqueueOptions, "deadline" | "deadlineIn"> | undefined => {
  if (deferrable === undefined || deferrable === false) return undefined
  Bounds.fields("deferrable", deferrable, deferrableNames)
  if (at !== undefined || delay !== undefined)
    throw new Bounds.OutOfBounds("deferrable leaves it to the queue when it starts; expected neither at nor in with it")
  if (deadline !== undefined || deadlineIn !== undefined)
    throw new Bounds.OutOfBounds("deferrable has its deadline; expected neither deadline nor deadlineIn beside it")
  const by: Pick<EnqueueOptions, "deadline" | "deadlineIn"> = deferrable
  if (by.deadline === undefined && by.deadlineIn === undefined)
    return Bounds.refuse("deferrable", deferrable, "a deadline or deadlineIn within it")
  return by
}

const deadlineOf = (
  task: AnyTask,
  options: Pick<EnqueueOptions, "deadline" | "deadlineIn">,
  due: number
): number | undefined => {
  if (options.deadline !== undefined) {
    if (options.deadlineIn !== undefined)
      throw new Bounds.OutOfBounds("deadline and deadlineIn both say when; expected one of them")
    return Times.time("deadline", options.deadline)
  }
  const inMs =
    options.deadlineIn === undefined ? task.deadlineInMs : Durations.duration("deadlineIn", options.deadlineIn)
  return inMs === undefined ? undefined : Math.min(due + inMs, Bounds.lastTime)
}

const afterOf = ({ after, onParentFailure }: EnqueueOptions): After | undefined => {
  if (onParentFailure !== undefined) Bounds.oneOf("onParentFailure", onParentFailure, parentFailurePolicies)
  if (after === undefined) return undefined
  const jobs = Bounds.jobIds("after", after, Bounds.mostParents)
  return jobs.length === 0 ? undefined : { jobs, onParentFailure: onParentFailure ?? "cancel" }
}

/** What a debounced call is put off by at most, with those that come after it; undefined: it is none. */
const maxDelayOf = (
  { name, unique }: AnyTask,
  { maxDelay, onConflict = unique.onConflict }: EnqueueOptions,
  delayMs: number
): number | undefined => {
  if (onConflict !== "debounce") {
    if (maxDelay === undefined) return undefined
    throw new Bounds.OutOfBounds(
      `maxDelay limits what debounce puts off, and onConflict is ${Bounds.shown(onConflict)}; leave it out`
    )
  }
  const most = maxDelay === undefined ? unique.maxDelayMs : Durations.limit("maxDelay", maxDelay)
  if (most === undefined) return defaultMaxDelay(delayMs)
  if (most >= Math.min(delayMs, Bounds.longestMs)) return Math.max(most, delayMs)
  const given = maxDelay === undefined ? `unique.maxDelay of task ${name}` : "maxDelay"
  throw new Bounds.OutOfBounds(
    `${given} is ${durationText(most)}; expected at least the delay of this call, ${durationText(delayMs)}`
  )
}

const retentionOf = (task: AnyTask, { retention }: EnqueueOptions): JobRetention | undefined =>
  retention === undefined ? task.retention : { ...task.retention, ...checkRetention("retention", retention) }

const extraOf = (
  options: EnqueueOptions,
  deadline: number | undefined,
  retention: JobRetention | undefined
): JobExtra | undefined => {
  const { batchKey, cacheKey, hardLimit, headers, owner, slots, softLimit, tags, team, cost } = options
  const extra: { -readonly [K in keyof JobExtra]: JobExtra[K] } = {}
  if (slots !== undefined) extra.slots = Bounds.whole("slots", slots, 1, Bounds.mostSlots)
  if (cost !== undefined) extra.cost = Bounds.cost("cost", cost)
  if (owner !== undefined) extra.owner = Bounds.label("owner", owner)
  if (team !== undefined) extra.team = Bounds.label("team", team)
  if (tags !== undefined) {
    const each = Bounds.labels("tags", tags, Bounds.mostTags)
    if (each.length > 0) extra.tags = [...new Set(each)]
  }
  if (headers !== undefined) extra.headers = Bounds.headers("headers", headers)
  if (batchKey !== undefined) extra.batchKey = Bounds.label("batchKey", batchKey)
  if (cacheKey !== undefined) extra.cacheKey = Bounds.key("cacheKey", cacheKey)
  if (softLimit !== undefined) extra.softLimit = Durations.limit("softLimit", softLimit)
  if (hardLimit !== undefined) extra.hardLimit = Durations.limit("hardLimit", hardLimit)
  if (deadline !== undefined) extra.deadline = deadline
  if (retention !== undefined) extra.retention = retention
  return Object.keys(extra).length === 0 ? undefined : extra
}

const uniqueOf = (
  task: AnyTask,
  payload: unknown,
  { group, key: given, maxDelayMs, onConflict = task.unique.onConflict }: CheckedOptions
): Unique | undefined => {
  const key = given ?? task.idempotencyKey?.(payload)
  if (key === undefined) return undefined
  const { scope, windowMs } = task.unique
  return {
    key: uniqueKey(scope, task.name, group, Bounds.key("key", key)),
    onConflict,
    windowMs,
    ...(maxDelayMs !== undefined && { maxDelayMs })
  }
}

/** The encoded payload, checked against schema and size. Throws `EnqueueError`. */
export const encodePayload = (task: AnyTask, codec: TaskCodec, payload: unknown, settings: QueueSettings): unknown => {
  let encoded: unknown
  try {
    encoded = codec.payload.encode(payload)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new EnqueueError({
      reason: new InvalidPayload({ message: `The payload does not fit task ${task.name}: ${message}` })
    })
  }
  const bytes = codec.payload.bytesAbove(encoded, settings.maxPayloadBytes)
  if (bytes !== undefined) throw tooLarge(bytes, settings.maxPayloadBytes)
  return encoded
}

const tooLarge = (bytes: number, maxBytes: number) =>
  new EnqueueError({
    reason: new PayloadTooLarge({
      message: `The payload has ${bytes} bytes; at most ${maxBytes} are taken. Put the data in a file and its name in the payload`,
      bytes,
      maxBytes
    })
  })

/** The encoded payload of a task that is not known here, checked for its size. Throws `EnqueueError`. */
export const encodeLoosePayload = (payload: unknown, store: ValuesAtRest, maxBytes: number): unknown => {
  let encoded: unknown
  try {
    encoded = encodeJson(payload, store)
  } catch (cause) {
    const message = `The payload is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new EnqueueError({ reason: new InvalidPayload({ message }) })
  }
  const bytes = bytesAbove[store.payloads](encoded, maxBytes)
  if (bytes !== undefined) throw tooLarge(bytes, maxBytes)
  return encoded
}

/** What its batch goes by, where the task groups its batches. */
const batchGroup = (task: AnyTask, payload: unknown): string | undefined => {
  const key = task.batch?.groupBy?.(payload)
  return key === undefined ? undefined : Bounds.label("batch.groupBy", key)
}

/** What all jobs of one call share: the options, checked once however many payloads come with them. */
export interface CheckedOptions
  extends Pick<NewJob, "group" | "priority" | "due" | "rank" | "maxAttempts" | "expiresAt" | "after" | "extra"> {
  readonly partitionKey: string | undefined
  readonly key: string | undefined
  readonly onConflict: Unique["onConflict"] | undefined
  /** By when they must be done, in milliseconds since 1970, that may be put off until then; undefined: they may not. */
  readonly deferrableTo: number | undefined
  /** Set for a debounced call. */
  readonly maxDelayMs: number | undefined
}

/** The options of a job that is put off until `due`. */
export const putOff = (task: AnyTask, checked: CheckedOptions, rankings: Rankings, due: number): CheckedOptions => {
  const { extra, group, priority } = checked
  return {
    ...checked,
    due,
    rank: rankIn(rankings, group, task.name, due, priority, extra?.deadline),
    extra: { ...extra, deferredFrom: checked.due }
  }
}

/**
 * Throws `OutOfBounds`. `now` in milliseconds since 1970; `ownGroup`: where it goes unless the options name another;
 * `putOffMs`: by which its time and its expiry are put off.
 */
export const checkOptions = (
  task: AnyTask,
  given: EnqueueOptions | undefined,
  settings: QueueSettings,
  rankings: Rankings,
  now: number,
  ownGroup: string,
  putOffMs = 0
): CheckedOptions => {
  const times = (task.retry ?? settings.retry).times
  if (given === undefined && putOffMs === 0) {
    const deadline = task.deadlineInMs === undefined ? undefined : now + task.deadlineInMs
    return {
      group: ownGroup,
      priority: task.priority,
      due: now,
      rank: rankIn(rankings, ownGroup, task.name, now, task.priority, deadline),
      maxAttempts: 1 + times,
      expiresAt: task.expiresInMs === undefined ? undefined : now + task.expiresInMs,
      after: undefined,
      extra: extraOf(noOptions, deadline, task.retention),
      partitionKey: undefined,
      key: undefined,
      onConflict: undefined,
      deferrableTo: task.isDeferrable ? earlier(deadline, now, task.expiresInMs) : undefined,
      maxDelayMs: maxDelayOf(task, noOptions, 0)
    }
  }
  const options = given ?? noOptions
  Bounds.fields("options", options, optionNames)
  const { onConflict, partitionKey } = options
  const group = options.group === undefined ? ownGroup : Bounds.name("group", options.group)
  const priority = options.priority === undefined ? task.priority : checkPriority(options.priority)
  const retries =
    options.retries === undefined ? times : Bounds.whole("retries", options.retries, 0, Bounds.mostRetries)
  const due = Math.min(dueOf(options, now) + putOffMs, Bounds.lastTime)
  const deferrable = deferrableBy(options)
  if (deferrable !== undefined && putOffMs !== 0)
    throw new Bounds.OutOfBounds("spread says when each of them starts; expected no deferrable with it")
  const deadline = deadlineOf(task, deferrable ?? options, due)
  const expiresInMs =
    options.expiresIn === undefined ? task.expiresInMs : Durations.limit("expiresIn", options.expiresIn)
  return {
    group,
    priority,
    due,
    rank: rankIn(rankings, group, task.name, due, priority, deadline),
    maxAttempts: 1 + retries,
    expiresAt: expiresInMs === undefined ? undefined : now + putOffMs + expiresInMs,
    after: afterOf(options),
    extra: extraOf(options, deadline, retentionOf(task, options)),
    partitionKey: partitionKey === undefined ? undefined : Bounds.label("partitionKey", partitionKey),
    key: options.key,
    onConflict: onConflict === undefined ? undefined : Bounds.oneOf("onConflict", onConflict, uniqueConflicts),
    deferrableTo:
      due === now && (deferrable !== undefined || (task.isDeferrable && options.deferrable === undefined))
        ? earlier(deadline, now, expiresInMs)
        : undefined,
    maxDelayMs: maxDelayOf(task, options, due - now)
  }
}

/** The deadline, or the end of its wait where that comes first. */
const earlier = (deadline: number | undefined, now: number, expiresInMs: number | undefined): number | undefined =>
  deadline === undefined || expiresInMs === undefined ? deadline : Math.min(deadline, now + expiresInMs)

/** Throws `EnqueueError` for the payload, `OutOfBounds` for what the task makes of it. */
export const enqueueRow = (
  task: AnyTask,
  codec: TaskCodec,
  payload: unknown,
  checked: CheckedOptions,
  settings: QueueSettings
): NewJob => ({
  task: task.name,
  group: checked.group,
  priority: checked.priority,
  due: checked.due,
  rank: checked.rank,
  maxAttempts: checked.maxAttempts,
  version: task.version,
  payload: encodePayload(task, codec, payload, settings),
  partitionKey: checked.partitionKey ?? (task.batch === undefined ? undefined : batchGroup(task, payload)),
  expiresAt: checked.expiresAt,
  unique: checked.key === undefined && task.idempotencyKey === undefined ? undefined : uniqueOf(task, payload, checked),
  after: checked.after,
  extra: checked.extra
})
