/**
 * The rounds of the leader: goes on where the last one stopped, looks, decides for every group, keeps what it decided,
 * and moves what is to be moved. All of it under one permit of its caller.
 */
import { Cause, Effect, Exit } from "effect"
import { makeComplaints } from "../../Queue/Complaints.ts"
import type { Store } from "../../Store/Store.ts"
import { eventsOf } from "../policy/EventLoad.ts"
import { baseWidth } from "../../Queue/policy/RollUps.ts"
import { leadMs } from "../../Queue/policy/Lead.ts"
import { Staffing } from "../policy/staffing/Staffing.ts"
import type { ScaleDecision } from "../ScaleDecision.ts"
import type { ScalerSettings } from "../ScaleSettings.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import type { Worker } from "../../Queue/Worker.ts"
import type { Actuator } from "../act/Actuator.ts"
import { appendDecisions } from "./Decisions.ts"
import { readEvents } from "./Events.ts"
import type { ForecastBook, GridOf } from "./ForecastBook.ts"
import {
  type GroupRecord,
  leaderDocument,
  leaderOf,
  leaderText,
  scaleLeaderKey,
  scaleLeaderKind
} from "./LeaderRecord.ts"
import { type RecentLoad, readRecent } from "./RecentLoad.ts"
import { decide, staffingSettingsOf, takenUp, targetBefore } from "./Round.ts"
import { readSettings, type SettingsInForce } from "./SettingsInForce.ts"
import { type GroupSituation, readSituation, type Situation } from "./Situation.ts"
import { Slices } from "./Slices.ts"
import { scaleTargetKind, targetsOf, targetText } from "./Targets.ts"

/** The role whose lead decides for the store. */
export const role = "scaler"
/** Between two records of a leader whose targets stand still. */
export const recordMs = 60_000
/** Rounds that lie this many intervals apart know nothing of the time between them: steps tell of it. */
const roundsMissed = 4
/** Events are looked for so far ahead, beyond the longest start-up. */
const eventsAheadMs = 2 * 3_600_000
const noTasks: ReadonlySet<string> = new Set()
const nothingRecent: RecentLoad = { arrivals: 0, served: [] }

/** Since when nothing could be decided, and why. */
export interface Frozen {
  readonly since: number
  readonly why: string
}

/** What a process remembers of its rounds. */
interface Led {
  /** Of the leader's record, as last read or written; undefined: nothing read yet. */
  version: number | undefined
  recordedAt: number
  groups: Map<string, GroupRecord>
  learnedAt: number
  /** Staffing with which something was decided here. */
  begun: WeakSet<Staffing>
  /** Staffing of groups without a forecast. */
  strangers: Map<string, Staffing>
  /** Slots that were ordered and are not there, and since when. */
  awaited: Map<string, { readonly since: number; readonly slots: number }>
  /** Up to where arrivals were read between rounds. */
  recentTo: number
}

export interface LeaderParts {
  readonly store: Store
  readonly book: ForecastBook
  readonly actuators: ReadonlyArray<Actuator>
  /** Undefined: decides without leading, when it is asked. */
  readonly worker: Worker["Service"] | undefined
  readonly scaler: Pick<ScalerSettings, "decisionsKept" | "leads" | "rebuildShare">
  readonly roundMs: number
  readonly saveMs: number
  readonly now: () => number
}

export interface Leader {
  /** Answers whether this process decided, and when the past was looked through last. */
  readonly round: Effect.Effect<{ readonly learnedAt: number } | undefined, StoreError>
  /** A round did not end. */
  readonly freeze: (why: string) => void
  readonly frozen: () => Frozen | undefined
  readonly learned: (at: number) => void
  /** Whether there is something of its own to be saved. */
  readonly hasLed: () => boolean
}

export const make = ({ actuators, book, now, roundMs, saveMs, scaler, store, worker }: LeaderParts): Leader => {
  const led: Led = {
    version: undefined,
    recordedAt: Number.NEGATIVE_INFINITY,
    groups: new Map(),
    learnedAt: 0,
    begun: new WeakSet(),
    strangers: new Map(),
    awaited: new Map(),
    recentTo: Number.NEGATIVE_INFINITY
  }
  let frozen: Frozen | undefined
  const complain = makeComplaints(now)

  /** Stated, or what the slowest actuator of the group has seen; undefined: learned. */
  const startupOf = (group: string, stated: number | null) =>
    stated !== null
      ? Effect.succeed(stated)
      : Effect.map(
          Effect.forEach(
            actuators.filter(({ serves }) => serves(group)),
            ({ startUp }) => startUp
          ),
          (seen) => {
            const known = seen.flatMap((each) => (each === undefined ? [] : [each.p90Ms]))
            return known.length === 0 ? undefined : Math.max(...known)
          }
        )

  /** Of groups that have a forecast it is kept with that. `slots`: those of now, if this is its first decision here. */
  const staffingOf = (group: string, at: number, slots: number) => {
    const forecast = book.get(group)
    const known = forecast?.staffing ?? led.strangers.get(group) ?? new Staffing()
    const isFirst = !led.begun.has(known)
    const staffing = isFirst ? takenUp(known, at, slots) : known
    led.begun.add(staffing)
    if (forecast === undefined) led.strangers.set(group, staffing)
    else forecast.staffing = staffing
    return { staffing, isFirst }
  }

  /** Slots that a group in mode `on` waited for and has now. */
  const startUpsOf = (group: string, slots: number, target: number | undefined, at: number): ReadonlyArray<number> => {
    const awaited = led.awaited.get(group)
    if (awaited !== undefined && slots >= awaited.slots) {
      led.awaited.delete(group)
      return [Math.max(0, at - awaited.since)]
    }
    if (target !== undefined && slots < target && awaited === undefined)
      led.awaited.set(group, { since: at, slots: target })
    return []
  }

  /** Whether this process may decide: it leads, or it has no worker and decides for once. */
  const mayDecide = Effect.gen(function* () {
    if (worker === undefined) return true
    if (!scaler.leads) return false
    const { session } = yield* worker.status
    return session !== 0 && (yield* store.workers.lead(role, session, { now: now(), ttlMs: leadMs(roundMs) }))
  })

  /** Goes on where the last leader stopped, unless that was this process. */
  const takeOver = (gridOf: GridOf) =>
    Effect.gen(function* () {
      const document = yield* leaderDocument(store.documents)
      const version = document?.version ?? 0
      if (version === led.version) return
      const record = leaderOf(document?.text)
      yield* book.restore(gridOf, now(), record?.scanned ?? {})
      led.groups = new Map(Object.entries(record?.groups ?? {}))
      led.strangers = new Map()
      led.begun = new WeakSet()
      led.awaited = new Map()
      led.learnedAt = record?.learnedAt ?? now()
      led.version = version
      led.recordedAt = document?.at ?? Number.NEGATIVE_INFINITY
    })

  /** There is nothing to say of a group that never had a job. */
  const isUnseen = ({ group, pending, running }: GroupSituation) =>
    pending + running === 0 && book.get(group) === undefined && !led.groups.has(group)

  const decideAll = (situation: Situation, settings: SettingsInForce) =>
    Effect.gen(function* () {
      const events = yield* readEvents(store.documents)
      const slices = yield* Slices.make()
      const recentTo = book.complete(baseWidth, situation.now)
      const isRecent =
        recentTo >= led.recentTo && recentTo - led.recentTo <= Math.max(2 * baseWidth, roundsMissed * roundMs)
      const recent = isRecent ? yield* readRecent(store.rollUps, led.recentTo, recentTo) : undefined
      led.recentTo = recentTo
      const decisions: Array<ScaleDecision> = []
      const records = new Map<string, GroupRecord>()
      for (const each of situation.groups.values()) {
        const group = settings.of(each.group)
        if (group.mode === "off" || isUnseen(each)) continue
        const startupMs = yield* startupOf(each.group, group.startupMs)
        const complete = book.complete(group.stepMs, situation.now)
        const before = led.groups.get(each.group)
        // What goes wrong for one group leaves it where it was, and the others their decisions.
        const decided = yield* Effect.exit(
          Effect.sync(() =>
            decide({
              now: situation.now,
              situation: each,
              settings: group,
              ...staffingOf(each.group, situation.now, targetBefore({ before, settings: group, situation: each })),
              forecast: book.get(each.group),
              complete,
              recent: recent === undefined ? undefined : (recent.get(each.group) ?? nothingRecent),
              recentTo,
              events: eventsOf(events, each.group, situation.now - group.stepMs, situation.now + eventsAheadMs),
              startupMs,
              frozen,
              startUps: group.mode === "on" ? startUpsOf(each.group, each.slots, before?.target, situation.now) : [],
              before
            })
          )
        )
        if (Exit.isFailure(decided)) {
          if (before !== undefined) records.set(each.group, before)
          yield* complain(`decide ${each.group}`, `Nothing could be decided for group ${each.group}`, decided.cause)
          continue
        }
        const { decision, record } = decided.value
        if (decision !== undefined) decisions.push(decision)
        records.set(each.group, record)
        yield* slices.pause
      }
      return { decisions, records }
    })

  /**
   * Writes the targets of groups in mode `on`, takes away the others', and orders what workers elsewhere should bring.
   */
  const act = (
    settings: SettingsInForce,
    situation: Situation,
    records: ReadonlyMap<string, GroupRecord>,
    reasons: ReadonlyMap<string, ScaleDecision>
  ) =>
    Effect.gen(function* () {
      const written = targetsOf(yield* store.documents.all(scaleTargetKind))
      for (const [group, { version }] of written) {
        if (settings.of(group).mode !== "on")
          yield* store.documents.put(scaleTargetKind, group, undefined, { now: situation.now, version })
      }
      const ordered = [...records].filter(([group]) => settings.of(group).mode === "on")
      for (const [group, { decidedAt, target }] of ordered) {
        const there = written.get(group)
        if (there?.target?.slots === target) continue
        const text = targetText({
          group,
          slots: target,
          tasks: [...(book.get(group)?.tasks ?? [])].sort(),
          at: decidedAt,
          reason: reasons.get(group)?.reason ?? "hold"
        })
        yield* store.documents.put(scaleTargetKind, group, text, { now: situation.now, version: there?.version ?? 0 })
      }
      for (const actuator of actuators) {
        const targets = ordered
          .filter(([group]) => actuator.serves(group))
          .map(([group, { decidedAt, target }]) => ({
            group,
            desired: target,
            current: situation.groups.get(group)?.slots ?? 0,
            reason: reasons.get(group)?.text ?? `${target} slots as decided before`,
            decidedAt
          }))
        if (targets.length > 0)
          yield* Effect.catchDefect(actuator.apply(targets), (defect) =>
            complain(`actuator ${actuator.name}`, `The actuator ${actuator.name} failed`, Cause.die(defect))
          )
      }
    })

  const record = (changed: boolean, at: number) =>
    Effect.gen(function* () {
      if (worker === undefined || (!changed && at - led.recordedAt < recordMs && at >= led.recordedAt)) return
      const { name, session } = yield* worker.status
      const text = leaderText({
        name,
        session,
        roundAt: at,
        scanned: book.scanned(),
        learnedAt: led.learnedAt,
        groups: Object.fromEntries(led.groups)
      })
      led.version = yield* store.documents.put(scaleLeaderKind, scaleLeaderKey, text, {
        now: at,
        ...(led.version === undefined ? {} : { version: led.version })
      })
      led.recordedAt = at
    })

  const round = Effect.gen(function* () {
    if (!(yield* mayDecide)) {
      frozen = undefined
      return undefined
    }
    const settings = yield* readSettings(store.documents)
    const gridOf = settings.gridOf
    yield* takeOver(gridOf)
    const at = now()
    yield* book.advanceAll(
      gridOf,
      (group) => staffingSettingsOf(settings.of(group), undefined, settings.of(group).startupMs ?? undefined),
      at,
      roundMs * scaler.rebuildShare
    )
    const situation = yield* readSituation(store, at, (group) => book.get(group)?.tasks ?? noTasks)
    const { decisions, records } = yield* decideAll(situation, settings)
    yield* appendDecisions(store.documents, decisions, { now: at, keep: scaler.decisionsKept })
    led.groups = records
    yield* act(settings, situation, records, new Map(decisions.map((decision) => [decision.group, decision])))
    yield* record(decisions.length > 0, at)
    if (worker !== undefined) yield* book.save(at, saveMs)
    frozen = undefined
    return { learnedAt: led.learnedAt }
  })

  return {
    round,
    freeze: (why) => {
      frozen ??= { since: now(), why }
    },
    frozen: () => frozen,
    learned: (at) => {
      led.learnedAt = at
    },
    hasLed: () => led.version !== undefined && worker !== undefined
  }
}
