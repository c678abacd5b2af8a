/** The scaler over a store: rounds, predictions, and what is kept of them. */
import { Clock, Duration, Effect, Layer, Option, Schema, Semaphore } from "effect"
import { JobStore } from "./JobStore.ts"
import type { GroupScaling, Recommendation } from "./LoadPrediction.ts"
import { eventsOf } from "./policy/EventLoad.ts"
import { baseWidth } from "./policy/RollUps.ts"
import { Staffing } from "./policy/staffing/Staffing.ts"
import { DecisionNotFound, PredictiveScaler, ScaleInvalid, stepsMost } from "./PredictiveScaler.ts"
import type { ResourceGroup } from "./ResourceGroup.ts"
import { type KeptDecision, ScaleDecision } from "./ScaleDecision.ts"
import { everyGroup, Scaler } from "./ScaleSettings.ts"
import { StoreError, StoreUnavailable } from "./StoreError.ts"
import { Actuators } from "./scaler/act/Actuator.ts"
import { backtestOf } from "./scaler/Backtesting.ts"
import { explanationOf } from "./scaler/DecisionText.ts"
import { putEvent, readEvents, removeEvent } from "./scaler/Events.ts"
import { ForecastBook, type GridOf } from "./scaler/ForecastBook.ts"
import { type GroupRecord, leaderOf, leaderText, scaleLeaderKey, scaleLeaderKind } from "./scaler/LeaderRecord.ts"
import { learn, learningDue, patternsOf } from "./scaler/Learning.ts"
import { noQuality } from "./scaler/Forecasting.ts"
import { predictionOf } from "./scaler/Prediction.ts"
import { boundsOf, decide, staffingSettingsOf, takenUp, targetBefore } from "./scaler/Round.ts"
import { type RecentLoad, readRecent } from "./scaler/RecentLoad.ts"
import { scaleSettingsKind, SettingsInForce } from "./scaler/SettingsInForce.ts"
import { type GroupSituation, readSituation, type Situation } from "./scaler/Situation.ts"
import { Slices } from "./scaler/Slices.ts"
import { scaleTargetKind, targetsOf, targetText } from "./scaler/Targets.ts"
import { Worker } from "./Worker.ts"

const decisionKind = "scale-decision"
const Decision = Schema.fromJsonString(ScaleDecision)
const decodeDecision = Schema.decodeUnknownOption(Decision)
const encodeDecision = Schema.encodeSync(Decision)

/** The role whose lead decides for the store. */
const role = "scaler"
/** Between two records of a leader whose targets stand still. */
const recordMs = 60_000
/** A record this old has no leader. */
const leaderGoneMs = 3 * recordMs
/** Decisions read for `status`: enough for the last one of every group that moved lately. */
const decisionsLooked = 1000
const noTasks: ReadonlySet<string> = new Set()
const nothingRecent: RecentLoad = { arrivals: 0, served: [] }
/** Rounds that lie this many intervals apart know nothing of the time between them: steps tell of it. */
const roundsMissed = 4
/** Events are looked for so far ahead, beyond the longest start-up. */
const eventsAheadMs = 2 * 3_600_000

const nameOf = (group: ResourceGroup | string) => (typeof group === "string" ? group : group.name)

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

const make = Effect.gen(function* () {
  const store = yield* JobStore
  const scaler = yield* Scaler
  const actuators = yield* Actuators
  const worker = Option.getOrUndefined(yield* Effect.serviceOption(Worker))
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const roundMs = Duration.toMillis(scaler.round)
  const saveMs = Duration.toMillis(scaler.save)
  const book = new ForecastBook(store, Duration.toMillis(scaler.settle))
  /** Forecasts and memories change under it only. */
  const turn = yield* Semaphore.make(1)
  const learning = yield* Semaphore.make(1)
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
  let frozen: { readonly since: number; readonly why: string } | undefined
  const now = () => clock.currentTimeMillisUnsafe()

  const settingsInForce = Effect.map(store.documents(scaleSettingsKind), (documents) => new SettingsInForce(documents))

  const gridsOf =
    (settings: SettingsInForce): GridOf =>
    (group) => {
      const { mode, stepMs, timeZone } = settings.of(group)
      return mode === "off" ? undefined : { stepMs, timeZone }
    }

  const leaderDocument = Effect.map(store.documents(scaleLeaderKind), (documents) =>
    documents.find(({ key }) => key === scaleLeaderKey)
  )

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

  // The round ----------------------------------------------------------------------------------------------------------

  /** Whether this process may decide: it leads, or it has no worker and decides for once. */
  const mayDecide = Effect.gen(function* () {
    if (worker === undefined) return true
    const { session } = yield* worker.status
    return session !== 0 && (yield* store.lead(role, session, { now: now(), ttlMs: 2 * roundMs }))
  })

  /** Goes on where the last leader stopped, unless that was this process. */
  const takeOver = (gridOf: GridOf) =>
    Effect.gen(function* () {
      const document = yield* leaderDocument
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
      const events = yield* readEvents(store)
      const slices = yield* Slices.make()
      const recentTo = book.complete(baseWidth, situation.now)
      const isRecent =
        recentTo >= led.recentTo && recentTo - led.recentTo <= Math.max(2 * baseWidth, roundsMissed * roundMs)
      const recent = isRecent ? yield* readRecent(store, led.recentTo, recentTo) : undefined
      led.recentTo = recentTo
      const decisions: Array<ScaleDecision> = []
      const records = new Map<string, GroupRecord>()
      for (const each of situation.groups.values()) {
        const group = settings.of(each.group)
        if (group.mode === "off" || isUnseen(each)) continue
        const startupMs = yield* startupOf(each.group, group.startupMs)
        const complete = book.complete(group.stepMs, situation.now)
        const before = led.groups.get(each.group)
        const { decision, record } = decide({
          now: situation.now,
          situation: each,
          settings: group,
          ...staffingOf(each.group, situation.now, targetBefore({ before, settings: group, situation: each })),
          forecast: book.get(each.group),
          complete,
          recent: recent === undefined ? undefined : (recent.get(each.group) ?? nothingRecent),
          events: eventsOf(events, each.group, situation.now - group.stepMs, situation.now + eventsAheadMs),
          startupMs,
          frozen,
          startUps: group.mode === "on" ? startUpsOf(each.group, each.slots, before?.target, situation.now) : [],
          before
        })
        if (decision !== undefined) decisions.push(decision)
        records.set(each.group, record)
        yield* slices.pause
      }
      return { decisions, records }
    })

  /** Writes the targets of groups in mode `on`, takes away the others', and orders what workers elsewhere should bring. */
  const act = (
    settings: SettingsInForce,
    situation: Situation,
    records: ReadonlyMap<string, GroupRecord>,
    reasons: ReadonlyMap<string, ScaleDecision>
  ) =>
    Effect.gen(function* () {
      const written = targetsOf(yield* store.documents(scaleTargetKind))
      for (const [group, { version }] of written) {
        if (settings.of(group).mode !== "on")
          yield* store.putDocument(scaleTargetKind, group, undefined, { now: situation.now, version })
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
        yield* store.putDocument(scaleTargetKind, group, text, { now: situation.now, version: there?.version ?? 0 })
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
        if (targets.length > 0) yield* actuator.apply(targets)
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
      led.version = yield* store.putDocument(scaleLeaderKind, scaleLeaderKey, text, {
        now: at,
        ...(led.version === undefined ? {} : { version: led.version })
      })
      led.recordedAt = at
    })

  const round = Effect.gen(function* () {
    if (!(yield* mayDecide)) return
    const settings = yield* settingsInForce
    const gridOf = gridsOf(settings)
    yield* takeOver(gridOf)
    const at = now()
    yield* book.advanceAll(
      gridOf,
      (group) => staffingSettingsOf(settings.of(group), undefined, undefined),
      at,
      roundMs * scaler.rebuildShare
    )
    const situation = yield* readSituation(store, at, (group) => book.get(group)?.tasks ?? noTasks)
    const { decisions, records } = yield* decideAll(situation, settings)
    if (decisions.length > 0) {
      const entries = decisions.map((decision) => ({ key: decision.group, text: encodeDecision(decision) }))
      yield* store.appendJournal(decisionKind, entries, { now: at, keep: scaler.decisionsKept })
    }
    led.groups = records
    yield* act(settings, situation, records, new Map(decisions.map((decision) => [decision.group, decision])))
    yield* record(decisions.length > 0, at)
    if (worker !== undefined) yield* book.save(at, saveMs)
    frozen = undefined
    if (learningDue(led.learnedAt, at)) yield* Effect.forkIn(learnWhenQuiet, scope)
  })

  const tooLate = Effect.suspend(() =>
    Effect.fail(
      new StoreError({
        operation: "scale",
        reason: new StoreUnavailable({
          message: `The scaler's round did not end within ${Duration.format(scaler.roundMost)}; the last targets stay`
        })
      })
    )
  )

  const scalePreemptively = turn.withPermit(round).pipe(
    Effect.timeoutOrElse({ duration: scaler.roundMost, orElse: () => tooLate }),
    Effect.tapError((error) =>
      Effect.sync(() => {
        frozen ??= { since: now(), why: error.message }
      })
    )
  )

  // Predicting and learning --------------------------------------------------------------------------------------------

  const predictLoad = (resourceGroup: ResourceGroup | string, timeHorizon: Duration.Input) =>
    Effect.gen(function* () {
      const group = nameOf(resourceGroup)
      const settings = (yield* settingsInForce).of(group)
      const { stepMs, timeZone } = settings
      const horizonMs = Duration.toMillis(Duration.fromInputUnsafe(timeHorizon))
      if (!(horizonMs > 0 && horizonMs <= stepsMost * stepMs))
        return yield* new ScaleInvalid({
          reason: "Horizon",
          message: `a horizon of ${Duration.format(Duration.millis(horizonMs))}; expected more than none and at most ${Duration.format(Duration.millis(stepsMost * stepMs))}, ${stepsMost} steps`
        })
      const at = now()
      const forecast = yield* turn.withPermit(book.advanceOne(group, { stepMs, timeZone }, at))
      const until = at + horizonMs
      return predictionOf(group, forecast, {
        now: at,
        until,
        stepMs,
        complete: book.complete(stepMs, at),
        events: eventsOf(yield* readEvents(store), group, at - stepMs, until)
      })
    })

  const learnAll = (share: number) =>
    learning.withPermit(
      Effect.gen(function* () {
        const settings = yield* settingsInForce
        const names = (yield* store.groups).map(({ name }) => name).filter((name) => settings.of(name).mode !== "off")
        for (const group of names) {
          const { stepMs, timeZone } = settings.of(group)
          yield* learn(store, group, timeZone, now())
          const fresh = yield* book.remade(group, { stepMs, timeZone }, now(), share)
          if (fresh !== undefined) yield* turn.withPermit(Effect.sync(() => book.choose(fresh, now())))
        }
        led.learnedAt = now()
      })
    )

  const learnWhenQuiet = Effect.suspend(() => {
    led.learnedAt = now()
    return learnAll(scaler.rebuildShare)
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.logWarning("Nothing was learned from the past; it is tried again tomorrow", cause)
    ),
    Effect.annotateLogs({ module: role })
  )

  // Looking ------------------------------------------------------------------------------------------------------------

  const kept = (entry: { readonly seq: number; readonly text: string }): ReadonlyArray<KeptDecision> =>
    Option.match(decodeDecision(entry.text), {
      onNone: () => [],
      onSome: (decision) => [{ ...decision, seq: entry.seq }]
    })

  const decisions = (
    group: string | undefined,
    { before, limit = 100 }: { readonly before?: number; readonly limit?: number } = {}
  ) =>
    Effect.map(
      store.journal(decisionKind, {
        limit: Math.max(1, Math.min(decisionsLooked, limit)),
        ...(group === undefined ? {} : { key: group }),
        ...(before === undefined ? {} : { before })
      }),
      (entries) => entries.flatMap(kept)
    )

  const look = Effect.gen(function* () {
    const settings = yield* settingsInForce
    const document = yield* leaderDocument
    const at = now()
    const record = leaderOf(document?.text)
    const situation = yield* readSituation(store, at, (group) => book.get(group)?.tasks ?? noTasks)
    return { settings, record, situation, at }
  })

  const status = Effect.gen(function* () {
    const { at, record, settings, situation } = yield* look
    const last = new Map<string, KeptDecision>()
    for (const decision of yield* decisions(undefined, { limit: decisionsLooked })) {
      if (!last.has(decision.group)) last.set(decision.group, decision)
    }
    return {
      at,
      leader:
        record === undefined || at - record.roundAt > leaderGoneMs
          ? undefined
          : { name: record.name, session: record.session, roundAt: record.roundAt },
      frozen,
      groups: [...situation.groups.values()].map((each): GroupScaling => {
        const group = settings.of(each.group)
        const { max, min } = boundsOf(group, each.limit)
        const known = record?.groups[each.group]
        return {
          group: each.group,
          mode: group.mode,
          slots: each.slots,
          target: known?.target,
          minSlots: min,
          maxSlots: max,
          pending: each.pending,
          running: each.running,
          oldestMs: each.oldestMs,
          next: known?.next,
          quality: known?.quality === undefined ? undefined : { ...noQuality, ...known.quality },
          distrust: known?.distrust ?? undefined,
          last: last.get(each.group),
          held: known?.held ?? 0
        }
      })
    }
  })

  const recommendation = Effect.gen(function* () {
    const { at, record, settings, situation } = yield* look
    return [...situation.groups.values()]
      .filter(({ group }) => settings.of(group).mode !== "off")
      .sort((a, b) => (a.group < b.group ? -1 : 1))
      .map((each): Recommendation => {
        const group = settings.of(each.group)
        const known = record?.groups[each.group]
        const { max, min } = boundsOf(group, each.limit)
        const desiredSlots = Math.max(min, Math.min(max, known?.target ?? each.running + each.pending))
        const slotsPerWorker = Math.max(1, each.workers === 0 ? desiredSlots : Math.round(each.slots / each.workers))
        const perSecond = (jobs: number | undefined) => (jobs ?? 0) / (group.stepMs / 1000)
        return {
          group: each.group,
          at: record?.roundAt ?? at,
          mode: group.mode,
          desiredSlots,
          desiredWorkers: Math.ceil(desiredSlots / slotsPerWorker),
          slotsPerWorker,
          workers: each.workers,
          pending: each.pending,
          running: each.running,
          arrivalsPerSecond: { mean: perSecond(known?.next?.mean), p90: perSecond(known?.next?.p90) },
          distrust: known === undefined ? "cold" : (known.distrust ?? undefined)
        }
      })
  })

  const explain = (seq: number) =>
    Effect.gen(function* () {
      const [entry] = yield* store.journal(decisionKind, { before: seq + 1, limit: 1 })
      const [decision] = entry?.seq === seq ? kept(entry) : []
      if (decision === undefined)
        return yield* new DecisionNotFound({
          seq,
          message: `no decision ${seq} is kept; the newest ${scaler.decisionsKept} of each group are`
        })
      return { decision, lines: explanationOf(decision) }
    })

  const backtest = (group: string, { ahead = 1, steps }: { readonly steps?: number; readonly ahead?: number } = {}) =>
    Effect.gen(function* () {
      const { stepMs, timeZone } = (yield* settingsInForce).of(group)
      const dayOfSteps = Math.max(24, Math.round(86_400_000 / stepMs))
      const count = steps ?? Math.min(stepsMost, dayOfSteps)
      if (!(Number.isInteger(count) && count >= 1 && Number.isInteger(ahead) && ahead >= 1 && ahead <= stepsMost))
        return yield* new ScaleInvalid({
          reason: "Horizon",
          message: `a backtest of ${count} steps, ${ahead} ahead; expected whole numbers of at least 1, ahead at most ${stepsMost}`
        })
      return yield* backtestOf(store, {
        group,
        stepMs,
        timeZone,
        steps: count,
        ahead,
        to: book.complete(stepMs, now())
      })
    })

  // Settings -----------------------------------------------------------------------------------------------------------

  const settings = Effect.gen(function* () {
    const inForce = yield* settingsInForce
    const names = new Set([everyGroup, ...inForce.named, ...(yield* store.groups).map(({ name }) => name)])
    return [...names].sort().map((name) => inForce.explained(name))
  })

  const set: PredictiveScaler["Service"]["set"] = (group, change) =>
    Effect.gen(function* () {
      for (;;) {
        const changed = (yield* settingsInForce).changed(group, change)
        if (changed instanceof ScaleInvalid) return yield* changed
        const { text, version } = changed
        // Somebody else has set something meanwhile: both changes count.
        if ((yield* store.putDocument(scaleSettingsKind, group, text, { now: now(), version })) === undefined) continue
        return (yield* settingsInForce).explained(group)
      }
    })

  yield* Effect.addFinalizer(() =>
    // What was learned since the last save is read again from the roll-ups if this does not succeed.
    led.version === undefined || worker === undefined
      ? Effect.void
      : turn.withPermit(book.save(now(), 0)).pipe(Effect.timeoutOption(scaler.roundMost), Effect.ignore)
  )

  return PredictiveScaler.of({
    predictLoad,
    scalePreemptively,
    learnFromPatterns: learnAll(1),
    status,
    decisions,
    explain,
    patterns: (group) => patternsOf(store, group),
    backtest,
    recommendation,
    settings,
    set,
    events: readEvents(store),
    putEvent: (event) => Effect.suspend(() => putEvent(store, event, now())),
    removeEvent: (id) => Effect.suspend(() => removeEvent(store, id, now()))
  })
})

/** Over a store. Beside a worker it decides while that worker leads; alone it decides when asked, and keeps no record of its own. */
export const layer: Layer.Layer<PredictiveScaler, never, JobStore> = Layer.effect(PredictiveScaler, make)
