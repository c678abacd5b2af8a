/** What recurs in a group's recorded past: documents `scale-pattern`, key the group, made anew each night. */
import { Cron, DateTime, Effect, Option, Schema } from "effect"
import type { Documents } from "../../Store/Documents.ts"
import type { Store } from "../../Store/Store.ts"
import type { RecurringPattern } from "../LoadPrediction.ts"
import { completeTo } from "../policy/ArrivalSteps.ts"
import { recurringIn } from "../policy/RecurringEvents.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import { readPast } from "./Past.ts"

const kind = "scale-pattern"
const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Hours looked at: a year shows what comes each month, and is forgotten after it. */
const pastMs = 366 * dayMs
/** Roll-ups of an hour are complete when those of its last seconds are written. */
const settleMs = 10_000

const RecurringPattern_ = Schema.Struct({
  group: Schema.String,
  period: Schema.Literals(["day", "week", "month"]),
  when: Schema.String,
  cron: Schema.String,
  timeZone: Schema.String,
  durationMs: Schema.Finite,
  factor: Schema.Finite,
  extra: Schema.Finite,
  seen: Schema.Int,
  chances: Schema.Int,
  confidence: Schema.Finite,
  last: Schema.Finite,
  next: Schema.Finite
})
const Stored = Schema.fromJsonString(Schema.Array(RecurringPattern_))
const decode = Schema.decodeUnknownOption(Stored)
const encode = Schema.encodeSync(Stored)

/** Nightly, in the quiet hours of UTC; after a day without, at any hour. */
export const learningDue = (learnedAt: number, now: number): boolean => {
  if (now < learnedAt) return false
  const isNight = new Date(now).getUTCHours() === 3
  return now - learnedAt >= (isNight ? dayMs / 2 : 1.5 * dayMs)
}

/** Reads the hours of a year, keeps what recurs. */
export const learn = (
  { documents, rollUps }: Pick<Store, "documents" | "rollUps">,
  group: string,
  timeZone: string,
  now: number
): Effect.Effect<void, StoreError> =>
  Effect.gen(function* () {
    const zone = Option.getOrElse(DateTime.zoneFromString(timeZone), () => DateTime.zoneMakeOffset(0))
    const to = completeTo(now, hourMs, settleMs)
    const past = yield* readPast(rollUps, group, hourMs, to, Math.max(0, to - pastMs))
    const offsetMs = (at: number) => DateTime.zonedOffset(DateTime.makeZonedUnsafe(at, { timeZone: zone }))
    const found = recurringIn(
      past.map(({ count, start }) => ({ at: start, count })),
      offsetMs
    ).map((pattern): RecurringPattern => {
      const next = Cron.next(Cron.parseUnsafe(pattern.cron, zone), new Date(now)).getTime()
      return { ...pattern, group, timeZone, next }
    })
    yield* documents.put(kind, group, found.length === 0 ? undefined : encode(found), { now })
  })

/** By group, surest first. */
export const patternsOf = (
  documents: Documents["Service"],
  group: string | undefined
): Effect.Effect<ReadonlyArray<RecurringPattern>, StoreError> =>
  Effect.map(documents.all(kind), (found) =>
    found
      .filter(({ key }) => group === undefined || key === group)
      .flatMap(({ text }) => Option.getOrElse(decode(text), () => []))
  )
