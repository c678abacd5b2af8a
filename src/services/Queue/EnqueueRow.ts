/** From a task, a payload and options to the row a store keeps: every check before anything is stored. */
import { Duration } from "effect"
import type { JobExtra } from "./Job.ts"
import type { NewJob, Unique } from "./Turn.ts"
import { rankIn, type Rankings } from "./policy/Order.ts"
import { highestPriority, lowestPriority } from "./policy/Rank.ts"
import type { QueueSettings } from "./QueueSettings.ts"
import { namePattern } from "./ResourceGroup.ts"
import type { AnyTask } from "./Task.ts"
import type { TaskCodec } from "./TaskCodec.ts"
import { EnqueueError, type EnqueueOptions, InvalidOption, InvalidPayload, PayloadTooLarge } from "./TaskQueue.ts"

const none: EnqueueOptions = {}

const invalid = (message: string) => new EnqueueError({ reason: new InvalidOption({ message }) })

const millis = (name: string, input: Duration.Input | undefined): number | undefined => {
  if (input === undefined) return undefined
  const value = Duration.toMillis(Duration.fromInputUnsafe(input))
  if (!(value >= 0)) throw invalid(`${name} is ${value} ms; expected 0 or more`)
  return value
}

/** Throws `EnqueueError`, as all checks here. */
export const checkPriority = (priority: number) => {
  if (!Number.isInteger(priority) || priority < highestPriority || priority > lowestPriority)
    throw invalid(`Priority ${priority} is out of range; expected ${highestPriority} (first) to ${lowestPriority}`)
}

export const checkTime = (name: string, at: number) => {
  if (!Number.isFinite(at)) throw invalid(`${name} is not a time; expected milliseconds since 1970`)
}

/** Tags, owners and keys are indexed words: at most 200 characters, no NUL. */
const word = (name: string, value: string | undefined) => {
  if (value !== undefined && (value.length === 0 || value.length > 200 || value.includes("\0"))) {
    throw invalid(
      `${name} ${JSON.stringify(value.slice(0, 40))} is not usable; expected 1 to 200 characters without NUL`
    )
  }
}

const deadlineOf = (task: AnyTask, options: EnqueueOptions, due: number): number | undefined => {
  if (options.deadline !== undefined) {
    if (options.deadlineIn !== undefined) throw invalid("deadline and deadlineIn both say when; give one of them")
    checkTime("deadline", options.deadline)
    return options.deadline
  }
  const inMs = millis("deadlineIn", options.deadlineIn) ?? task.deadlineInMs
  return inMs === undefined ? undefined : due + inMs
}

const extraOf = (options: EnqueueOptions, deadline: number | undefined): JobExtra | undefined => {
  const { batchKey, cacheKey, hardLimit, headers, owner, rate, softLimit, tags, team, weight } = options
  const extra: { -readonly [K in keyof JobExtra]: JobExtra[K] } = {}
  if (weight !== undefined) extra.weight = weight
  if (rate !== undefined) extra.rate = rate
  if (owner !== undefined) extra.owner = owner
  if (team !== undefined) extra.team = team
  if (tags !== undefined && tags.length > 0) extra.tags = [...new Set(tags)]
  if (headers !== undefined) extra.headers = headers
  if (batchKey !== undefined) extra.batchKey = batchKey
  if (cacheKey !== undefined) extra.cacheKey = cacheKey
  if (softLimit !== undefined) extra.softLimit = millis("softLimit", softLimit)!
  if (hardLimit !== undefined) extra.hardLimit = millis("hardLimit", hardLimit)!
  if (deadline !== undefined) extra.deadline = deadline
  word("owner", owner)
  word("team", team)
  word("batchKey", batchKey)
  for (const tag of tags ?? []) word("tag", tag)
  return Object.keys(extra).length === 0 ? undefined : extra
}

const uniqueOf = (task: AnyTask, payload: unknown, group: string, options: EnqueueOptions): Unique | undefined => {
  const key = options.key ?? task.idempotencyKey?.(payload)
  if (key === undefined) return undefined
  if (key.length === 0 || key.length > 1000 || key.includes("\0")) {
    throw invalid("The unique key is not usable; expected 1 to 1,000 characters without NUL")
  }
  const { scope, windowMs } = task.unique
  const scoped =
    scope === "store" ? `store:${key}` : scope === "group" ? `group:${group}:${key}` : `task:${task.name}:${key}`
  return { key: scoped, onConflict: options.onConflict ?? task.unique.onConflict, windowMs }
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
  if (typeof encoded === "string" && encoded.length * 3 > settings.maxPayloadBytes) {
    const bytes = Buffer.byteLength(encoded)
    if (bytes > settings.maxPayloadBytes) {
      throw new EnqueueError({
        reason: new PayloadTooLarge({
          message: `The payload has ${bytes} bytes; at most ${settings.maxPayloadBytes} are taken. Put the data in a file and its name in the payload`,
          bytes,
          maxBytes: settings.maxPayloadBytes
        })
      })
    }
  }
  return encoded
}

/** What its batch goes by, where the task groups its batches. */
const batchGroup = (task: AnyTask, payload: unknown): string | undefined => {
  const key = task.batch?.groupBy?.(payload)
  word("batch.groupBy", key)
  return key
}

/** Throws `EnqueueError`. `now` in milliseconds since 1970; `ownGroup`: where it goes unless the options name another. */
export const enqueueRow = (
  task: AnyTask,
  codec: TaskCodec,
  payload: unknown,
  options: EnqueueOptions = none,
  settings: QueueSettings,
  rankings: Rankings,
  now: number,
  ownGroup: string
): NewJob => {
  const encoded = encodePayload(task, codec, payload, settings)
  const times = (task.retry ?? settings.retry).times
  if (options === none) {
    const deadline = task.deadlineInMs === undefined ? undefined : now + task.deadlineInMs
    return {
      task: task.name,
      group: ownGroup,
      priority: task.priority,
      due: now,
      rank: rankIn(rankings, ownGroup, task.name, now, task.priority, deadline),
      maxAttempts: 1 + times,
      payload: encoded,
      partitionKey: task.batch === undefined ? undefined : batchGroup(task, payload),
      expiresAt: task.expiresInMs === undefined ? undefined : now + task.expiresInMs,
      unique: task.idempotencyKey === undefined ? undefined : uniqueOf(task, payload, ownGroup, none),
      after: undefined,
      extra: deadline === undefined ? undefined : { deadline }
    }
  }
  const group = options.group ?? ownGroup
  const priority = options.priority ?? task.priority
  const retries = options.retries ?? times
  if (!namePattern.test(group))
    throw invalid(`Group ${JSON.stringify(group)} is not a name; expected letters, digits and . _ - : /, at most 100`)
  checkPriority(priority)
  if (!Number.isInteger(retries) || retries < 0)
    throw invalid(`retries is ${retries}; expected a whole number of at least 0`)
  if (options.at !== undefined) checkTime("at", options.at)
  word("partitionKey", options.partitionKey)
  const due = Math.max(now, options.at ?? now + (millis("in", options.in) ?? 0))
  const deadline = deadlineOf(task, options, due)
  const expiresInMs = millis("expiresIn", options.expiresIn) ?? task.expiresInMs
  return {
    task: task.name,
    group,
    priority,
    due,
    rank: rankIn(rankings, group, task.name, due, priority, deadline),
    maxAttempts: 1 + retries,
    payload: encoded,
    partitionKey: options.partitionKey ?? batchGroup(task, payload),
    expiresAt: expiresInMs === undefined ? undefined : now + expiresInMs,
    unique: uniqueOf(task, payload, group, options),
    after:
      options.after === undefined || options.after.length === 0
        ? undefined
        : { jobs: options.after, onParentFailure: options.onParentFailure ?? "cancel" },
    extra: extraOf(options, deadline)
  }
}
