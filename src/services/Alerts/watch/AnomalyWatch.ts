/**
 * Follows the course of every group step by step, from the store's roll-ups, and keeps what it has learned in the store
 * (`alert-model`). It goes on where the last leader saved, through the roll-ups of the time between: the next leader
 * knows what the last one knew, but for a step that was not complete.
 */
import { DateTime, Effect, Option, Schema } from "effect"
import type { Store } from "../../Store/Store.ts"
import type { RollUp } from "../../Store/RollUp.ts"
import { empty, merge } from "../../Queue/policy/Histogram.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import type { Unusual } from "../policy/Figures.ts"
import { GroupCourse, type GroupCourseState, type GroupStep } from "../policy/GroupCourse.ts"
import { stepMs } from "../policy/Suspicion.ts"

export const modelKind = "alert-model"

/**
 * Steps taken in one look, of one group and of all together: a week of history of a few groups is caught up with within
 * minutes, that of a thousand within two hours, and no look takes longer than some 200 ms.
 */
const stepsMost = 72
const groupStepsMost = 6000
/** A step is looked at when the workers have told what happened in it, in milliseconds. */
const settledMs = 30_000
/** How often what was learned is saved, in milliseconds. What was not is learned again from the roll-ups. */
const saveMs = 3_600_000
/** How far back the roll-ups of minutes reach, less an hour to catch up in. */
const historyMs = 7 * 86_400_000 - 3_600_000
/** What was learned of a group that is gone is dropped, in milliseconds. */
const forgetMs = 14 * 86_400_000

const Pair = Schema.Tuple([Schema.Finite, Schema.Finite])
const Triple = Schema.Tuple([Schema.Finite, Schema.Finite, Schema.Finite])
const Suspicion = Schema.Struct({ gathered: Schema.Finite, alarm: Schema.Boolean })
const Persistence = Schema.Struct({ sums: Triple, blocks: Schema.Finite, steps: Schema.Finite })
const Latency = Schema.Struct({
  steps: Schema.Finite,
  level: Schema.Finite,
  variance: Schema.Finite,
  hours: Schema.Array(Schema.Finite).check(Schema.isBetweenLength(48, 48)),
  persistence: Persistence,
  suspicion: Suspicion,
  held: Pair
})

/** A group's course as it rests in the store. */
const SavedCourse = Schema.Struct({
  until: Schema.Finite,
  arrivals: Schema.Struct({
    counts: Schema.Struct({
      steps: Schema.Finite,
      active: Schema.Finite,
      level: Pair,
      dispersion: Pair,
      day: Schema.Array(Schema.Finite).check(Schema.isBetweenLength(96, 96)),
      week: Schema.Array(Schema.Finite).check(Schema.isBetweenLength(672, 672))
    }),
    persistence: Persistence,
    suspicions: Schema.Array(Suspicion).check(Schema.isBetweenLength(4, 4)),
    held: Triple
  }),
  failures: Schema.Struct({
    failed: Schema.Finite,
    attempts: Schema.Finite,
    dispersion: Pair,
    suspicion: Suspicion,
    held: Triple
  }),
  run: Latency,
  wait: Latency
})

/** JSON knows no number as short as six digits make it: saved so, a course is 8 KB instead of 20. */
const CourseJson = Schema.fromJsonString(SavedCourse)
const decode = Schema.decodeUnknownOption(CourseJson)
const encode = (state: GroupCourseState): string =>
  JSON.stringify(state, (_, value) => (typeof value === "number" ? Number(value.toPrecision(9)) : value))

const noStep: GroupStep = { arrivals: 0, completed: 0, failed: 0, run: empty, wait: empty }

const added = (step: GroupStep, row: RollUp): GroupStep => ({
  arrivals: step.arrivals + row.arrivals,
  completed: step.completed + row.completed,
  failed: step.failed + row.failed,
  run: merge(step.run, row.run),
  wait: merge(step.wait, row.wait)
})

export class AnomalyWatch {
  private readonly store: Pick<Store, "documents" | "rollUps">
  private readonly zone: DateTime.TimeZone
  private readonly courses = new Map<string, GroupCourse>()
  /** The end of the last step that was taken, of all groups; undefined: not begun. */
  private until: number | undefined
  private savedAt = 0

  constructor(store: Pick<Store, "documents" | "rollUps">, zone: DateTime.TimeZone) {
    this.store = store
    this.zone = zone
  }

  /**
   * Takes the steps that are complete, so many as one look may; answers what is unusual once it is up to date, and
   * nothing before. `groups`: how many there are.
   */
  look(now: number, groups: number): Effect.Effect<ReadonlyMap<string, ReadonlyArray<Unusual>>, StoreError> {
    const self = this
    return Effect.gen(function* () {
      if (self.until === undefined) yield* self.begin(now)
      const from = self.until!
      const complete = Math.floor((now - settledMs) / stepMs) * stepMs
      const steps = Math.max(
        1,
        Math.min(stepsMost, Math.floor(groupStepsMost / Math.max(groups, self.courses.size, 1)))
      )
      const to = Math.min(complete, from + steps * stepMs)
      if (to > from) {
        const rows = yield* self.store.rollUps.jobs({ width: 60_000, from, to })
        const beats = yield* self.store.rollUps.resources({ width: 60_000, from, to })
        yield* self.take(from, to, rows, new Set(beats.map(({ start }) => Math.floor(start / stepMs))))
        self.until = to
        if (now - self.savedAt >= saveMs && to === complete) yield* self.save(now)
      }
      if (self.until! < complete) return new Map()
      return new Map([...self.courses].map(([group, course]) => [group, course.unusual()]))
    })
  }

  private begin(now: number): Effect.Effect<void, StoreError> {
    return Effect.map(this.store.documents.all(modelKind), (documents) => {
      const oldest = Math.ceil((now - historyMs) / stepMs) * stepMs
      for (const { key, text } of documents) {
        // What cannot be read, or is older than the roll-ups, is learned anew.
        const state = Option.getOrUndefined(decode(text))
        if (state !== undefined && state.until >= oldest) this.courses.set(key, new GroupCourse(state))
      }
      const untils = [...this.courses.values()].map(({ until }) => until)
      this.until = untils.length === 0 ? oldest : Math.min(...untils)
      this.savedAt = now
    })
  }

  /** Others run between two steps. */
  private take(
    from: number,
    to: number,
    rows: ReadonlyArray<RollUp>,
    beaten: ReadonlySet<number>
  ): Effect.Effect<void> {
    const steps = this.steps(from, to, rows, beaten)
    return Effect.gen(function* () {
      while (steps.next().done !== true) yield* Effect.yieldNow
    })
  }

  private *steps(from: number, to: number, rows: ReadonlyArray<RollUp>, beaten: ReadonlySet<number>): Generator<void> {
    const byStep = new Map<number, Map<string, GroupStep>>()
    for (const row of rows) {
      const at = Math.floor(row.start / stepMs)
      const groups = byStep.get(at) ?? new Map<string, GroupStep>()
      byStep.set(at, groups)
      groups.set(row.group, added(groups.get(row.group) ?? noStep, row))
    }
    for (let start = from; start < to; start += stepMs) {
      const at = Math.floor(start / stepMs)
      const groups = byStep.get(at)
      for (const group of groups?.keys() ?? [])
        if (!this.courses.has(group)) this.courses.set(group, new GroupCourse(start))
      // Neither a job nor a worker: the machine was off, and that is not zero.
      const isRecorded = groups !== undefined || beaten.has(at)
      const offsetMs = DateTime.zonedOffset(DateTime.makeZonedUnsafe(start, { timeZone: this.zone }))
      for (const [group, course] of this.courses) {
        if (course.until > start) continue
        course.until = start
        course.step(isRecorded ? (groups?.get(group) ?? noStep) : undefined, offsetMs)
      }
      yield
    }
  }

  private save(now: number): Effect.Effect<void, StoreError> {
    const self = this
    return Effect.gen(function* () {
      for (const { at, key } of yield* self.store.documents.all(modelKind)) {
        if (!self.courses.has(key) && now - at > forgetMs)
          yield* self.store.documents.put(modelKind, key, undefined, { now })
      }
      for (const [group, course] of self.courses) {
        yield* self.store.documents.put(modelKind, group, encode(course.save()), { now })
        yield* Effect.yieldNow
      }
      self.savedAt = now
    })
  }
}
